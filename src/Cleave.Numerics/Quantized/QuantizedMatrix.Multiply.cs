using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>The product, in parts that own groups of eight outputs.</summary>
public sealed unsafe partial class QuantizedMatrix
{
    private const int PartBytes = 65536; // weights that one part reads, at most
    private const int PartsPerThread = 8; // so that a thread that is late delays the others by little
    private const int RowBlock = 32; // rows of x that stay in the second-level cache while a part's weights pass
    private const int ExpandedFrom = 8; // rows of x that are worth expanding weights for
    private const int SpanBlocks = 32; // blocks that are multiplied at a time: 8 KiB of each operand
    private const long ThreadedFrom = 131072; // multiply-adds: about 2 microseconds of one core

    /// <summary>
    /// y = x · Wᵀ. The rows of x are quantized to 8-bit blocks of 32 on the way in, each value off by at most 1/254 of
    /// its block's largest. For normally distributed x and W an output is off by about 1% of the outputs' standard
    /// deviation in Q8_0 and by about 9% in Q4_0, the weights' own rounding included.
    /// </summary>
    /// <param name="x">(n, columns)</param>
    /// <param name="y">(n, rows)</param>
    public void MultiplyTransposed(ReadOnlySpan<float> x, int n, Span<float> y) => Multiply(x, n, this, y, null, default, null, default);

    /// <summary>Two products with the same x, which is quantized once.</summary>
    /// <exception cref="ArgumentException">The matrices cannot share one x (<see cref="SharesInput"/>), or a length does not fit.</exception>
    public static void MultiplyTransposed(ReadOnlySpan<float> x, int m, QuantizedMatrix a, Span<float> ya, QuantizedMatrix b, Span<float> yb) =>
        Multiply(x, m, a, ya, b, yb, null, default);

    /// <summary>Three products with the same x, which is quantized once.</summary>
    /// <exception cref="ArgumentException">The matrices cannot share one x (<see cref="SharesInput"/>), or a length does not fit.</exception>
    public static void MultiplyTransposed(ReadOnlySpan<float> x, int m, QuantizedMatrix a, Span<float> ya,
        QuantizedMatrix b, Span<float> yb, QuantizedMatrix c, Span<float> yc) => Multiply(x, m, a, ya, b, yb, c, yc);

    /// <summary>Whether products of the two can share one quantized x.</summary>
    public bool SharesInput(QuantizedMatrix other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Columns == other.Columns
            && (_stored is null ? Format == other.Format && _kernel == other._kernel : other._stored is not null);
    }

    private static void Multiply(ReadOnlySpan<float> x, int m, QuantizedMatrix a, Span<float> ya, QuantizedMatrix? b, Span<float> yb,
        QuantizedMatrix? c, Span<float> yc)
    {
        Guard.NotNegative(m, nameof(m));
        Guard.Length(x.Length, (long)m * a.Columns, nameof(x));
        Guard.Length(ya.Length, (long)m * a.Rows, "y");
        Guard.Length(yb.Length, (long)m * (b?.Rows ?? 0), "y");
        Guard.Length(yc.Length, (long)m * (c?.Rows ?? 0), "y");
        if (b is not null && !a.SharesInput(b) || c is not null && !a.SharesInput(c))
            throw new ArgumentException("matrices of different formats or columns cannot share one x");
        if (x.Length == 0)
            return;
        fixed (float* px = x, pa = ya, pb = yb, pc = yc)
        {
            switch (a.Format, a._kernel)
            {
                // All of them want x in one form.
                case var _ when a._stored is not null: Multiply<PackedFormat<Q4KFormat, FourBits, ScaleAndMinimum, PortablePairs>>(px, m, a, pa, b, pb, c, pc); break;
                case (BlockFormat.Q4_0, Q8Kernel.ArmDot): Multiply<DotFormat<Q4Weights, ArmDot>>(px, m, a, pa, b, pb, c, pc); break;
                case (BlockFormat.Q4_0, Q8Kernel.WideningDot): Multiply<DotFormat<Q4Weights, WideningDot>>(px, m, a, pa, b, pb, c, pc); break;
                case (BlockFormat.Q4_0, _): Multiply<Q4Format>(px, m, a, pa, b, pb, c, pc); break;
                case (_, Q8Kernel.Wide): Multiply<Q8Format>(px, m, a, pa, b, pb, c, pc); break;
                case (_, Q8Kernel.Dot): Multiply<DotFormat<Q8Weights, VnniDot>>(px, m, a, pa, b, pb, c, pc); break;
                case (_, Q8Kernel.EmulatedDot): Multiply<DotFormat<Q8Weights, EmulatedDot>>(px, m, a, pa, b, pb, c, pc); break;
                case (_, Q8Kernel.ArmDot): Multiply<DotFormat<Q8Weights, ArmDot>>(px, m, a, pa, b, pb, c, pc); break;
                default: Multiply<DotFormat<Q8Weights, WideningDot>>(px, m, a, pa, b, pb, c, pc); break;
            }
        }
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(c);
    }

    private static void Multiply<TFormat>(float* x, int m, QuantizedMatrix a, float* ya, QuantizedMatrix? b, float* yb,
        QuantizedMatrix? c, float* yc) where TFormat : struct, IBlockFormat
    {
        int blocks = a.Blocks;
        long rows = (long)a.Rows + (b?.Rows ?? 0) + (c?.Rows ?? 0);
        ThreadTeam? team = m * rows * a.Columns >= ThreadedFrom ? ThreadTeam.Current : null;
        long bytes = rows * blocks * a._groupBytes / GroupRows;
        int partBytes = (int)Math.Min(PartBytes, bytes / (PartsPerThread * (team?.Threads ?? 1)));
        using Scratch scratch = Scratch.Rent((long)m * blocks + ((long)m * blocks * TFormat.InputBytes + 3) / sizeof(float));
        var product = new Product<TFormat>
        {
            X = x,
            Input = new Input
            {
                Scales = scratch.Pointer,
                Values = (byte*)(scratch.Pointer + (nint)m * blocks),
                M = m,
                Blocks = blocks,
                Vectors = InstructionSets.Active != InstructionSet.Scalar,
            },
            Avx2 = InstructionSets.Active is InstructionSet.Avx2 or InstructionSet.Avx512,
            A = new Target(a, ya, partBytes),
        };
        if (b is not null)
            product.B = new Target(b, yb, partBytes);
        if (c is not null)
            product.C = new Target(c, yc, partBytes);
        product.Run(team);
    }

    /// <summary>One matrix and where its outputs go.</summary>
    internal readonly struct Target(QuantizedMatrix matrix, float* y, int partBytes)
    {
        public readonly float* Y = y;
        public readonly byte* Weights = matrix._values;
        public readonly Half* Scales = matrix._scales;
        public readonly StoredRows? Stored = matrix._stored;
        public readonly int Rows = matrix.Rows, Groups = matrix.Groups;
        public readonly int GroupsPerPart = Math.Max(1, partBytes / (matrix._groupBytes * matrix.Blocks));

        public int Parts => GroupsPerPart == 0 ? 0 : (Groups + GroupsPerPart - 1) / GroupsPerPart;
    }

    /// <summary>The quantized x.</summary>
    internal struct Input
    {
        public float* Scales;
        public byte* Values;
        public int M, Blocks;
        public bool Vectors;
    }

    private struct Product<TFormat> : IPart where TFormat : struct, IBlockFormat
    {
        public float* X;
        public Input Input;
        public Target A, B, C;
        public bool Avx2;
        private bool _quantizing;
        private int _xRowsPerPart;

        public void Run(ThreadTeam? team)
        {
            _quantizing = true;
            _xRowsPerPart = Math.Max(1, 16384 / (Input.Blocks * BlockSize));
            ThreadTeam.Run(Input.M > _xRowsPerPart ? team : null, (Input.M + _xRowsPerPart - 1) / _xRowsPerPart, ref this);
            _quantizing = false;
            ThreadTeam.Run(team, A.Parts + B.Parts + C.Parts, ref this);
        }

        public readonly void Invoke(int part)
        {
            if (_quantizing)
                QuantizeRows(part * _xRowsPerPart, Math.Min(Input.M, (part + 1) * _xRowsPerPart));
            else if (part < A.Parts)
                Multiply(A, part);
            else if (part < A.Parts + B.Parts)
                Multiply(B, part - A.Parts);
            else
                Multiply(C, part - A.Parts - B.Parts);
        }

        private readonly void Multiply(in Target target, int part)
        {
            if (target.Stored is { } stored)
                stored.MultiplyPart(target, part, Input, Avx2);
            else
                MultiplyPart<TFormat>(target, part, Input);
        }

        private readonly void QuantizeRows(int from, int to)
        {
            for (nint b = (nint)from * Input.Blocks; b < (nint)to * Input.Blocks; b++)
            {
                float* x = X + b * BlockSize;
                byte* input = Input.Values + b * TFormat.InputBytes;
                Input.Scales[b] = Input.Vectors ? TFormat.QuantizeInput(x, input) : TFormat.QuantizeInputReference(x, input);
            }
        }
    }

    internal static void MultiplyPart<TFormat>(in Target target, int part, in Input input) where TFormat : struct, IBlockFormat
    {
        int from = part * target.GroupsPerPart, to = Math.Min(target.Groups, from + target.GroupsPerPart);
        if (!input.Vectors)
        {
            for (int g = from; g < to; g++)
                Reference<TFormat>(target, g, input);
            return;
        }
        for (int i = 0; i < input.M; i += RowBlock)
        {
            // One span of one group and of four rows of x fit in the first-level cache together.
            for (int block = 0; block < input.Blocks; block += SpanBlocks)
                MultiplySpan<TFormat>(target, from, to, input, i, Math.Min(RowBlock, input.M - i), block, Math.Min(SpanBlocks, input.Blocks - block));
        }
    }

    /// <summary>As the other overload, for a format whose bits cost more to take apart than to read: with enough rows of x, once for all of them.</summary>
    internal static void MultiplyPart<TFormat, TExpanded>(in Target target, int part, in Input input)
        where TFormat : struct, IBlockFormat where TExpanded : struct, IExpandedFormat
    {
        if (!input.Vectors || input.M < ExpandedFrom)
        {
            MultiplyPart<TFormat>(target, part, input);
            return;
        }
        using Scratch scratch = Scratch.Rent(TExpanded.BytesOf(SpanBlocks) / sizeof(float));
        byte* expanded = (byte*)scratch.Pointer;
        int from = part * target.GroupsPerPart, to = Math.Min(target.Groups, from + target.GroupsPerPart);
        for (int i = 0; i < input.M; i += RowBlock)
        {
            int rows = Math.Min(RowBlock, input.M - i);
            for (int block = 0; block < input.Blocks; block += SpanBlocks)
            {
                int blocks = Math.Min(SpanBlocks, input.Blocks - block);
                if (rows < ExpandedFrom)
                    MultiplySpan<TFormat>(target, from, to, input, i, rows, block, blocks);
                for (int g = from; g < to && rows >= ExpandedFrom; g++)
                {
                    TExpanded.Expand(target.Weights + ((nint)g * input.Blocks + block) * TFormat.GroupBytes, blocks, expanded);
                    MultiplyTiles<TExpanded>(target, g, input, expanded, null, i, rows, block, blocks);
                }
            }
        }
    }

    private static void MultiplySpan<TFormat>(in Target target, int from, int to, in Input input, int first, int rows, int block, int blocks)
        where TFormat : struct, IBlockFormat
    {
        for (int g = from; g < to; g++)
        {
            nint start = (nint)g * input.Blocks + block;
            MultiplyTiles<TFormat>(target, g, input, target.Weights + start * TFormat.GroupBytes, target.Scales + start * GroupRows, first, rows, block, blocks);
        }
    }

    /// <summary>Some blocks of a group times some rows of x.</summary>
    private static void MultiplyTiles<TTile>(in Target target, int group, in Input input, byte* w, Half* scales, int first, int rows, int block, int blocks)
        where TTile : struct, ITileFormat
    {
        float* partial = stackalloc float[BlockVectors.TileRows * GroupRows];
        int count = Math.Min(GroupRows, target.Rows - group * GroupRows);
        for (int i = first; i < first + rows; i += BlockVectors.TileRows)
        {
            int tile = Math.Min(BlockVectors.TileRows, first + rows - i);
            nint at = (nint)i * input.Blocks + block;
            float* y = target.Y + (nint)i * target.Rows + (nint)group * GroupRows;
            bool whole = count == GroupRows;
            float* sums = whole ? y : partial;
            if (tile == 1)
                TTile.One(w, scales, input.Values + at * TTile.InputBytes, input.Scales + at, blocks, sums, whole && block > 0);
            else
            {
                TTile.Four(w, scales, input.Values + at * TTile.InputBytes, input.Scales + at, input.Blocks, blocks, tile, sums,
                    whole ? target.Rows : GroupRows, whole && block > 0);
            }
            if (!whole)
                AddPartial(partial, y, target.Rows, tile, count, block > 0);
        }
    }

    private static void AddPartial(float* sums, float* y, int stride, int rows, int count, bool add)
    {
        for (int r = 0; r < rows; r++, sums += GroupRows, y += stride)
        {
            for (int j = 0; j < count; j++)
                y[j] = add ? y[j] + sums[j] : sums[j];
        }
    }

    /// <summary>The plain form: one output at a time.</summary>
    private static void Reference<TFormat>(in Target target, int group, in Input input) where TFormat : struct, IBlockFormat
    {
        byte* w = target.Weights + (nint)group * input.Blocks * TFormat.GroupBytes;
        Half* scales = target.Scales + (nint)group * input.Blocks * GroupRows;
        int count = Math.Min(GroupRows, target.Rows - group * GroupRows);
        for (nint i = 0; i < input.M; i++)
        {
            for (int j = 0; j < count; j++)
            {
                target.Y[i * target.Rows + (nint)group * GroupRows + j] =
                    TFormat.Row(w, scales, j, input.Values + i * input.Blocks * TFormat.InputBytes, input.Scales + i * input.Blocks, input.Blocks);
            }
        }
    }
}
