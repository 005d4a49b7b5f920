using System.Runtime.InteropServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>The product, in parts that own groups of eight outputs.</summary>
public sealed unsafe partial class Q8Matrix
{
    private const int PartBytes = 65536; // weights that one part reads
    private const int RowBlock = 32; // rows of x that stay in the second-level cache while a part's weights pass
    private const int SpanBlocks = 32; // blocks that are multiplied at a time: 8 KiB of each operand
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
        using Scratch scratch = Scratch.Rent((long)m * Blocks + (long)m * Columns / 2);
        fixed (float* px = x, py = y)
        {
            var product = new Product
            {
                X = px,
                Y = py,
                XScales = scratch.Pointer,
                XValues = (short*)(scratch.Pointer + (nint)m * Blocks),
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
        public short* XValues; // 8-bit values in 16 bits, as the multiplication wants them
        public sbyte* Weights;
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
                short* values = XValues + b * BlockSize;
                XScales[b] = Vectors ? Q8Vectors.QuantizeBlock(x, values)
                    : QuantizeBlock(new ReadOnlySpan<float>(x, BlockSize), new Span<short>(values, BlockSize));
            }
        }

        private readonly void MultiplyGroups(int from, int to)
        {
            if (!Vectors)
            {
                for (int g = from; g < to; g++)
                    Reference(g);
                return;
            }
            for (int i = 0; i < M; i += RowBlock)
            {
                // One span of one group and of four rows of x fit in the first-level cache together.
                for (int block = 0; block < Blocks; block += SpanBlocks)
                    MultiplySpan(from, to, i, Math.Min(RowBlock, M - i), block, Math.Min(SpanBlocks, Blocks - block));
            }
        }

        private readonly void MultiplySpan(int from, int to, int first, int rows, int block, int blocks)
        {
            float* partial = stackalloc float[Q8Vectors.TileRows * GroupRows];
            for (int g = from; g < to; g++)
            {
                sbyte* w = Weights + ((nint)g * Blocks + block) * (GroupRows * BlockSize);
                Half* scales = Scales + ((nint)g * Blocks + block) * GroupRows;
                int count = Math.Min(GroupRows, Rows - g * GroupRows);
                for (int i = first; i < first + rows; i += Q8Vectors.TileRows)
                {
                    int tile = Math.Min(Q8Vectors.TileRows, first + rows - i);
                    nint at = (nint)i * Blocks + block;
                    float* y = Y + (nint)i * Rows + (nint)g * GroupRows;
                    bool whole = count == GroupRows;
                    float* sums = whole ? y : partial;
                    if (tile == 1)
                        Q8Vectors.One(w, scales, XValues + at * BlockSize, XScales + at, blocks, sums, whole && block > 0);
                    else
                    {
                        Q8Vectors.Four(w, scales, XValues + at * BlockSize, XScales + at, Blocks, blocks, tile, sums, whole ? Rows : GroupRows,
                            whole && block > 0);
                    }
                    if (!whole)
                        AddPartial(partial, y, tile, count, block > 0);
                }
            }
        }

        private readonly void AddPartial(float* sums, float* y, int rows, int count, bool add)
        {
            for (int r = 0; r < rows; r++, sums += GroupRows, y += Rows)
            {
                for (int j = 0; j < count; j++)
                    y[j] = add ? y[j] + sums[j] : sums[j];
            }
        }

        /// <summary>The plain form: one output at a time.</summary>
        private readonly void Reference(int group)
        {
            sbyte* w = Weights + (nint)group * GroupRows * Columns;
            Half* scales = Scales + (nint)group * GroupRows * Blocks;
            int count = Math.Min(GroupRows, Rows - group * GroupRows);
            for (nint i = 0; i < M; i++)
            {
                for (int j = 0; j < count; j++)
                {
                    float total = 0;
                    for (int b = 0; b < Blocks; b++)
                    {
                        int sum = 0;
                        for (int c = b * BlockSize; c < (b + 1) * BlockSize; c++)
                            sum += XValues[i * Columns + c] * w[(c / Chunk * GroupRows + j) * Chunk + c % Chunk];
                        total += sum * (XScales[i * Blocks + b] * (float)scales[b * GroupRows + Q8Vectors.ScalePlace(j)]);
                    }
                    Y[i * Rows + group * GroupRows + j] = total;
                }
            }
        }
    }
}
