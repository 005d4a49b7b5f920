using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// The product of the formats that stay as a file holds them: some rows of W are opened into bytes, scales and minimums, and
/// every row of x, quantized to bytes in blocks of 32, passes over them.
/// </summary>
public sealed unsafe partial class QuantizedMatrix
{
    private const int OpenRows = 16; // rows of W that are open together: their bytes stay in the second-level cache
    private const int TileRows = 4;

    private struct StoredProduct : IPart
    {
        private float* _x, _xScales, _xSums; // sums: of x over each group of 16
        private byte* _xValues;
        private StoredTarget _a, _b, _c;
        private int _m, _columns, _groups, _xRowsPerPart;
        private bool _vectors, _quantizing;

        public static void Run(float* x, int m, QuantizedMatrix a, float* ya, QuantizedMatrix? b, float* yb, QuantizedMatrix? c, float* yc)
        {
            int columns = a.Columns, blocks = columns / BlockSize;
            long rows = (long)a.Rows + (b?.Rows ?? 0) + (c?.Rows ?? 0);
            ThreadTeam? team = m * rows * columns >= ThreadedFrom ? ThreadTeam.Current : null;
            // Eight groups at a time are multiplied, so there are zeros behind the last ones.
            int groups = (columns / IStoredFormat.Group + 7) / 8 * 8;
            using Scratch scratch = Scratch.Rent((long)m * (groups + blocks + columns / sizeof(float)));
            var product = new StoredProduct
            {
                _x = x,
                _xSums = scratch.Pointer,
                _xScales = scratch.Pointer + (nint)m * groups,
                _xValues = (byte*)(scratch.Pointer + (nint)m * (groups + blocks)),
                _m = m,
                _columns = columns,
                _groups = groups,
                _xRowsPerPart = Math.Max(1, 16384 / columns),
                _vectors = InstructionSets.Active is InstructionSet.Avx2 or InstructionSet.Avx512,
                _quantizing = true,
                _a = new StoredTarget(a, ya),
            };
            if (b is not null)
                product._b = new StoredTarget(b, yb);
            if (c is not null)
                product._c = new StoredTarget(c, yc);
            ThreadTeam.Run(m > product._xRowsPerPart ? team : null, (m + product._xRowsPerPart - 1) / product._xRowsPerPart, ref product);
            product._quantizing = false;
            ThreadTeam.Run(team, product._a.Parts + product._b.Parts + product._c.Parts, ref product);
        }

        public readonly void Invoke(int part)
        {
            if (_quantizing)
                QuantizeRows(part * _xRowsPerPart, Math.Min(_m, (part + 1) * _xRowsPerPart));
            else if (part < _a.Parts)
                MultiplyRows(_a, part * OpenRows);
            else if (part < _a.Parts + _b.Parts)
                MultiplyRows(_b, (part - _a.Parts) * OpenRows);
            else
                MultiplyRows(_c, (part - _a.Parts - _b.Parts) * OpenRows);
        }

        private readonly void QuantizeRows(int from, int to)
        {
            int blocks = _columns / BlockSize;
            for (nint i = from; i < to; i++)
            {
                float* sums = _xSums + i * _groups;
                for (int b = 0; b < blocks; b++)
                {
                    float* x = _x + i * _columns + b * BlockSize;
                    byte* values = _xValues + i * _columns + b * BlockSize;
                    _xScales[i * blocks + b] = _vectors ? QuantizeVectors(x, values, sums + 2 * b) : QuantizeReference(x, values, sums + 2 * b);
                }
                new Span<float>(sums + 2 * blocks, _groups - 2 * blocks).Clear();
            }
        }

        private static float QuantizeVectors(float* x, byte* values, float* sums)
        {
            Vector256<sbyte> bytes = BlockVectors.RoundToBytes(x, out float scale);
            bytes.Store((sbyte*)values);
            Vector256<int> fours = BlockVectors.SumsOfFour(bytes);
            sums[0] = scale * Vector128.Sum(fours.GetLower());
            sums[1] = scale * Vector128.Sum(fours.GetUpper());
            return scale;
        }

        private static float QuantizeReference(float* x, byte* values, float* sums)
        {
            byte* withSum = stackalloc byte[BlockSize + sizeof(int)];
            float scale = BlockVectors.QuantizeBytesReference(x, withSum, 1);
            new ReadOnlySpan<byte>(withSum, BlockSize).CopyTo(new Span<byte>(values, BlockSize));
            int first = 0;
            for (int i = 0; i < IStoredFormat.Group; i++)
                first += (sbyte)values[i];
            sums[0] = scale * first;
            sums[1] = scale * (*(int*)(withSum + BlockSize) - first);
            return scale;
        }

        private readonly void MultiplyRows(in StoredTarget target, int from)
        {
            int count = Math.Min(OpenRows, target.Rows - from), blocks = _columns / BlockSize;
            int tiled = (count + TileRows - 1) / TileRows * TileRows;
            using Scratch scratch = Scratch.Rent((long)tiled * (2 * _groups + _columns / sizeof(float)));
            float* scales = scratch.Pointer, minimums = scales + tiled * _groups;
            byte* values = (byte*)(minimums + tiled * _groups);
            new Span<float>(minimums, tiled * _groups).Clear();
            for (int r = 0; r < tiled; r++)
            {
                // Rows that are missing in the last tile repeat the last one.
                byte* row = target.Bytes + (nint)(from + Math.Min(r, count - 1)) * target.RowBytes;
                target.Format.Unpack(row, _columns, values + (nint)r * _columns, scales + r * _groups, minimums + r * _groups);
            }
            float* sums = stackalloc float[TileRows];
            for (nint i = 0; i < _m; i++)
            {
                float* y = target.Y + i * target.Rows + from;
                for (int r = 0; r < count; r += TileRows)
                {
                    var x = new Input(_xValues + i * _columns, _xScales + i * blocks, _xSums + i * _groups);
                    var w = new Open(values + (nint)r * _columns, scales + r * _groups, minimums + r * _groups);
                    if (!_vectors)
                        Reference(w, x, sums);
                    else if (AvxVnni.IsSupported)
                        Tile<VnniDot>(w, x, sums);
                    else
                        Tile<EmulatedDot>(w, x, sums);
                    int whole = Math.Min(TileRows, count - r);
                    new ReadOnlySpan<float>(sums, whole).CopyTo(new Span<float>(y + r, whole));
                }
            }
        }

        /// <summary>Four rows of W with one of x. A 32-byte load spans two groups, whose scales fill half a vector each.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Tile<TDot>(in Open w, in Input x, float* sums) where TDot : struct, IByteDot
        {
            byte* w0 = w.Values, w1 = w0 + _columns, w2 = w1 + _columns, w3 = w2 + _columns;
            float* s0 = w.Scales, s1 = s0 + _groups, s2 = s1 + _groups, s3 = s2 + _groups;
            Vector256<float> total0 = default, total1 = default, total2 = default, total3 = default;
            for (nint b = 0; b < _columns / BlockSize; b++)
            {
                Vector256<sbyte> v = Vector256.Load((sbyte*)x.Values + b * BlockSize);
                Vector256<float> scale = Vector256.Create(x.Scales[b]);
                total0 = Add<TDot>(total0, w0 + b * BlockSize, v, s0 + 2 * b, scale);
                total1 = Add<TDot>(total1, w1 + b * BlockSize, v, s1 + 2 * b, scale);
                total2 = Add<TDot>(total2, w2 + b * BlockSize, v, s2 + 2 * b, scale);
                total3 = Add<TDot>(total3, w3 + b * BlockSize, v, s3 + 2 * b, scale);
            }
            float* m0 = w.Minimums, m1 = m0 + _groups, m2 = m1 + _groups, m3 = m2 + _groups;
            for (nint g = 0; g < _groups; g += Vector256<float>.Count)
            {
                Vector256<float> v = Vector256.Load(x.Sums + g);
                total0 = Fma.MultiplyAddNegated(Vector256.Load(m0 + g), v, total0);
                total1 = Fma.MultiplyAddNegated(Vector256.Load(m1 + g), v, total1);
                total2 = Fma.MultiplyAddNegated(Vector256.Load(m2 + g), v, total2);
                total3 = Fma.MultiplyAddNegated(Vector256.Load(m3 + g), v, total3);
            }
            sums[0] = Vector256.Sum(total0);
            sums[1] = Vector256.Sum(total1);
            sums[2] = Vector256.Sum(total2);
            sums[3] = Vector256.Sum(total3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Add<TDot>(Vector256<float> total, byte* w, Vector256<sbyte> x, float* twoScales, Vector256<float> xScale)
            where TDot : struct, IByteDot
        {
            Vector256<float> pairs = Vector256.Create(*(double*)twoScales).AsSingle();
            Vector256<float> scale = Avx.PermuteVar(pairs, Vector256.Create(0, 0, 0, 0, 1, 1, 1, 1)) * xScale;
            return Fma.MultiplyAdd(Vector256.ConvertToSingle(TDot.Add(default, Vector256.Load(w), x)), scale, total);
        }

        /// <summary>The plain form.</summary>
        private readonly void Reference(in Open w, in Input x, float* sums)
        {
            for (int r = 0; r < TileRows; r++)
            {
                float total = 0;
                for (int g = 0; g < _columns / IStoredFormat.Group; g++)
                {
                    int dot = 0;
                    for (int c = g * IStoredFormat.Group; c < (g + 1) * IStoredFormat.Group; c++)
                        dot += w.Values[(nint)r * _columns + c] * (sbyte)x.Values[c];
                    total += dot * (w.Scales[r * _groups + g] * x.Scales[g / 2]) - w.Minimums[r * _groups + g] * x.Sums[g];
                }
                sums[r] = total;
            }
        }
    }

    /// <summary>One matrix and where its outputs go.</summary>
    private readonly struct StoredTarget(QuantizedMatrix matrix, float* y)
    {
        public readonly float* Y = y;
        public readonly byte* Bytes = matrix._values;
        public readonly StoredRows Format = matrix._stored!;
        public readonly int Rows = matrix.Rows, RowBytes = QuantizedMatrix.RowBytes(matrix.Format, matrix.Columns);

        public int Parts => (Rows + OpenRows - 1) / OpenRows;
    }

    /// <summary>Rows of W as bytes.</summary>
    private readonly struct Open(byte* values, float* scales, float* minimums)
    {
        public readonly byte* Values = values;
        public readonly float* Scales = scales, Minimums = minimums;
    }

    /// <summary>A row of x as bytes.</summary>
    private readonly struct Input(byte* values, float* scales, float* sums)
    {
        public readonly byte* Values = values;
        public readonly float* Scales = scales, Sums = sums;
    }
}
