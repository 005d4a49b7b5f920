using System.Runtime.InteropServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>The product, in parts that own groups of eight outputs.</summary>
public sealed unsafe partial class Q8Matrix
{
    private const int PartBytes = 65536; // weights that one part reads
    private const int RowBlock = 64; // rows of x that stay in the second-level cache while a part's weights pass
    private const long ThreadedFrom = 131072; // multiply-adds: about 2 microseconds of one core

    /// <summary>
    /// y = x · Wᵀ. The rows of x are quantized to 8-bit blocks of 32 on the way in, each value off by at most 1/254 of
    /// its block's largest. For normally distributed x and W an output is off by about 1% of the outputs' standard
    /// deviation, the weights' own rounding included.
    /// </summary>
    /// <param name="x">(m, columns)</param>
    /// <param name="y">(m, rows)</param>
    public void MultiplyTransposed(ReadOnlySpan<float> x, int m, Span<float> y)
    {
        Guard.NotNegative(m, nameof(m));
        Guard.Length(x.Length, (long)m * Columns, nameof(x));
        Guard.Length(y.Length, (long)m * Rows, nameof(y));
        if (y.Length == 0)
            return;
        bool vectors = InstructionSets.Active != InstructionSet.Scalar;
        using Scratch scratch = Scratch.Rent((long)m * Blocks + (long)m * Columns / sizeof(float));
        fixed (float* px = x, py = y)
        {
            var product = new Product
            {
                X = px,
                Y = py,
                XScales = scratch.Pointer,
                XValues = (sbyte*)(scratch.Pointer + (nint)m * Blocks),
                Weights = _aligned,
                Scales = (Half*)Marshal.UnsafeAddrOfPinnedArrayElement(_scales, 0),
                M = m,
                Rows = Rows,
                Columns = Columns,
                Blocks = Blocks,
                Groups = Groups,
                Vectors = vectors,
                GroupsPerPart = Math.Max(1, PartBytes / (GroupRows * Columns)),
            };
            product.Run((long)m * Rows * Columns >= ThreadedFrom ? ThreadTeam.Current : null);
        }
        GC.KeepAlive(this);
    }

    private struct Product : IPart
    {
        public float* X, Y, XScales;
        public sbyte* XValues, Weights;
        public Half* Scales;
        public int M, Rows, Columns, Blocks, Groups, GroupsPerPart;
        public bool Vectors;
        private bool _quantizing;
        private int _xRowsPerPart;

        public void Run(ThreadTeam? team)
        {
            _quantizing = true;
            _xRowsPerPart = Math.Max(1, 16384 / Columns);
            Run(M > _xRowsPerPart ? team : null, (M + _xRowsPerPart - 1) / _xRowsPerPart);
            _quantizing = false;
            Run(team, (Groups + GroupsPerPart - 1) / GroupsPerPart);
        }

        private void Run(ThreadTeam? team, int parts)
        {
            if (team is not null)
            {
                team.Run(parts, ref this);
                return;
            }
            for (int part = 0; part < parts; part++)
                Invoke(part);
        }

        public readonly void Invoke(int part)
        {
            if (_quantizing)
                QuantizeRows(part * _xRowsPerPart, Math.Min(M, (part + 1) * _xRowsPerPart));
            else
                MultiplyGroups(part * GroupsPerPart, Math.Min(Groups, (part + 1) * GroupsPerPart));
        }

        private readonly void QuantizeRows(int from, int to)
        {
            for (nint b = (nint)from * Blocks; b < (nint)to * Blocks; b++)
            {
                float* x = X + b * BlockSize;
                sbyte* values = XValues + b * BlockSize;
                XScales[b] = Vectors ? Q8Vectors.QuantizeBlock(x, values)
                    : QuantizeBlock(new ReadOnlySpan<float>(x, BlockSize), new Span<sbyte>(values, BlockSize));
            }
        }

        private readonly void MultiplyGroups(int from, int to)
        {
            for (int block = 0; block < M; block += RowBlock)
            {
                int end = Math.Min(M, block + RowBlock);
                for (int g = from; g < to; g++)
                {
                    int count = Math.Min(GroupRows, Rows - g * GroupRows);
                    for (int i = block; i < end; i += Q8Vectors.TileRows)
                        Tile(g, count, i, Math.Min(Q8Vectors.TileRows, end - i));
                }
            }
        }

        /// <summary>The outputs of up to four rows of x with one group of rows of W.</summary>
        private readonly void Tile(int group, int count, int i, int rows)
        {
            float* sums = stackalloc float[Q8Vectors.TileRows * GroupRows];
            sbyte* w = Weights + (nint)group * GroupRows * Columns, x = XValues + (nint)i * Columns;
            Half* scales = Scales + (nint)group * GroupRows * Blocks;
            float* xScales = XScales + (nint)i * Blocks;
            if (!Vectors)
                Reference(w, scales, x, xScales, rows, sums);
            else if (rows == 1)
                Q8Vectors.One(w, scales, x, xScales, Blocks, sums);
            else
                Q8Vectors.Four(w, scales, x, xScales, Blocks, rows, sums);
            for (int r = 0; r < rows; r++)
                new ReadOnlySpan<float>(sums + r * GroupRows, count).CopyTo(new Span<float>(Y + (nint)(i + r) * Rows + group * GroupRows, count));
        }

        private readonly void Reference(sbyte* w, Half* scales, sbyte* x, float* xScales, int rows, float* sums)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int j = 0; j < GroupRows; j++)
                {
                    float total = 0;
                    for (int b = 0; b < Blocks; b++)
                    {
                        int sum = 0;
                        for (int c = b * BlockSize; c < (b + 1) * BlockSize; c++)
                            sum += x[r * Columns + c] * w[(c / Chunk * GroupRows + j) * Chunk + c % Chunk];
                        total += sum * (xScales[r * Blocks + b] * (float)scales[b * GroupRows + j]);
                    }
                    sums[r * GroupRows + j] = total;
                }
            }
        }
    }
}
