using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>Packed blocks with every q in a byte of its own and every scale in its lane, for as long as many rows of x are multiplied with them.</summary>
internal unsafe interface IExpandedFormat : ITileFormat
{
    /// <summary>Bytes of some blocks of eight rows by 32 columns.</summary>
    static abstract int BytesOf(int blocks);

    /// <summary>Writes packed blocks in that form.</summary>
    static abstract void Expand(byte* packed, int blocks, byte* expanded);
}

internal readonly unsafe partial struct PackedFormat<TStored, TBits, TScales, TPairs>
{
    /// <summary>
    /// Of each block: the q of <see cref="IPackedBits"/>'s first halves and of its second halves, four vectors each; prepared whole
    /// scales; minimums as floats. Behind the blocks that share them: the halves as floats. The sums are the same to the bit.
    /// </summary>
    public readonly struct Expanded : IExpandedFormat
    {
        private const int Vector = 32, Values = 8 * Vector;

        public static int InputBytes
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => PackedFormat<TStored, TBits, TScales, TPairs>.InputBytes;
        }

        private static int Parts
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TScales.Shared ? 1 : 2;
        }

        private static int Kinds
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => TScales.Minimums ? 2 : 1;
        }

        private static int BlockBytes
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Values + Kinds * Parts * Vector;
        }

        public static int BytesOf(int blocks) => blocks * BlockBytes + blocks / TScales.SubBlocks * Kinds * Vector;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Expand(byte* packed, int blocks, byte* expanded)
        {
            for (int b = 0; b < blocks; b += TScales.SubBlocks)
            {
                byte* halves = packed, whole = packed + HalvesBytes;
                packed += BitsPlace;
                for (int s = 0; s < TScales.SubBlocks; s++, whole += TScales.Bytes, packed += TBits.Bytes)
                {
                    Vector256<byte> plane0 = TBits.Plane(packed, 0), plane1 = TBits.Plane(packed, 1), both = TBits.Plane(packed, 2);
                    for (nint c = 0; c < BitPlanes.Steps; c++)
                    {
                        Vector256<byte> loaded = TBits.Load(packed, c);
                        TBits.First(loaded, plane0, both).Store(expanded + c * Vector);
                        TBits.Second(loaded, plane1, both).Store(expanded + (c + BitPlanes.Steps) * Vector);
                        plane0 = BitPlanes.Down(plane0, 2);
                        plane1 = BitPlanes.Down(plane1, 2);
                        both = BitPlanes.Down(both, 1);
                    }
                    expanded += Values;
                    for (int p = 0; p < Parts; p++, expanded += Vector)
                        TPairs.Prepare(TScales.Scale<TPairs>(whole, p)).Store((int*)expanded);
                    for (int p = 0; p < Parts && TScales.Minimums; p++, expanded += Vector)
                        Vector256.ConvertToSingle(TScales.Minimum<TPairs>(whole, p)).Store((float*)expanded);
                }
                for (int k = 0; k < Kinds; k++, expanded += Vector)
                    BlockVectors.Scales((Half*)halves + k * Rows).Store((float*)expanded);
            }
        }

        public static void One(byte* w, Half* scales, byte* x, float* xScales, int blocks, float* sums, bool add) =>
            Four(w, scales, x, xScales, 0, blocks, 1, sums, 0, add);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Four(byte* w, Half* scales, byte* x, float* xScales, nint xStride, int blocks, int rows, float* sums, nint stride, bool add)
        {
            nint step1 = rows > 1 ? xStride : 0, step2 = rows > 2 ? 2 * xStride : step1, step3 = rows > 3 ? 3 * xStride : step2;
            byte* x0 = x, x1 = x + InputBytes * step1, x2 = x + InputBytes * step2, x3 = x + InputBytes * step3;
            Vector256<float> total0 = default, total1 = default, total2 = default, total3 = default;
            for (nint b = 0; b < blocks; b += TScales.SubBlocks)
            {
                Vector256<float> products0 = default, products1 = default, products2 = default, products3 = default;
                byte* minimums = w + Values + Parts * Vector;
                nint at = b * InputBytes;
                for (nint s = b; s < b + TScales.SubBlocks; s++, at += InputBytes, w += BlockBytes)
                {
                    Vector256<byte> w0 = Vector256.Load(w), w1 = Vector256.Load(w + Vector), w2 = Vector256.Load(w + 2 * Vector), w3 = Vector256.Load(w + 3 * Vector);
                    int start = Merged ? 2 : 0;
                    Vector256<short> a0 = Sixteen(Start(x0 + at, start), x0 + at, w0, w1, w2, w3), a1 = Sixteen(Start(x1 + at, start), x1 + at, w0, w1, w2, w3);
                    Vector256<short> a2 = Sixteen(Start(x2 + at, start), x2 + at, w0, w1, w2, w3), a3 = Sixteen(Start(x3 + at, start), x3 + at, w0, w1, w2, w3);
                    (w0, w1, w2, w3) = (Vector256.Load(w + 4 * Vector), Vector256.Load(w + 5 * Vector), Vector256.Load(w + 6 * Vector), Vector256.Load(w + 7 * Vector));
                    products0 = Times(products0, Rest(a0, x0 + at, w0, w1, w2, w3, w + Values), xScales[s]);
                    products1 = Times(products1, Rest(a1, x1 + at, w0, w1, w2, w3, w + Values), xScales[step1 + s]);
                    products2 = Times(products2, Rest(a2, x2 + at, w0, w1, w2, w3, w + Values), xScales[step2 + s]);
                    products3 = Times(products3, Rest(a3, x3 + at, w0, w1, w2, w3, w + Values), xScales[step3 + s]);
                }
                Vector256<float> half = Vector256.Load((float*)w);
                total0 = Vector256.MultiplyAddEstimate(products0, half, total0);
                total1 = Vector256.MultiplyAddEstimate(products1, half, total1);
                total2 = Vector256.MultiplyAddEstimate(products2, half, total2);
                total3 = Vector256.MultiplyAddEstimate(products3, half, total3);
                w += Kinds * Vector;
                if (!TScales.Minimums)
                    continue;
                half = Vector256.Load((float*)(w - Vector));
                at = b * InputBytes;
                Vector256<float> minimums0 = default, minimums1 = default, minimums2 = default, minimums3 = default;
                for (nint s = 0; s < TScales.SubBlocks; s++, at += InputBytes, minimums += BlockBytes)
                {
                    Vector256<float> m0 = Vector256.Load((float*)minimums), m1 = Vector256.Load((float*)(minimums + (Parts - 1) * Vector));
                    minimums0 = AddMinimums(minimums0, m0, m1, x0 + at);
                    minimums1 = AddMinimums(minimums1, m0, m1, x1 + at);
                    minimums2 = AddMinimums(minimums2, m0, m1, x2 + at);
                    minimums3 = AddMinimums(minimums3, m0, m1, x3 + at);
                }
                total0 -= minimums0 * half;
                total1 -= minimums1 * half;
                total2 -= minimums2 * half;
                total3 -= minimums3 * half;
            }
            BlockVectors.Put(total0, total1, total2, total3, rows, sums, stride, add);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<short> Sixteen(Vector256<short> sums, byte* x, Vector256<byte> w0, Vector256<byte> w1, Vector256<byte> w2, Vector256<byte> w3) =>
            Accumulate(Accumulate(Accumulate(Accumulate(sums, w0, x), w1, x + 4), w2, x + 8), w3, x + 12);

        /// <summary>The second 16 columns of a block, and the sums of all 32 times their scales.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<int> Rest(Vector256<short> first, byte* x, Vector256<byte> w0, Vector256<byte> w1, Vector256<byte> w2, Vector256<byte> w3, byte* scales)
        {
            Vector256<short> second = Sixteen(Merged ? first : Start(x, 1), x + 16, w0, w1, w2, w3);
            Vector256<int> scale0 = Vector256.Load((int*)scales), scale1 = Vector256.Load((int*)(scales + (Parts - 1) * Vector));
            return Merged ? Whole(second, default, scale0, scale1) : Whole(first, second, scale0, scale1);
        }
    }
}
