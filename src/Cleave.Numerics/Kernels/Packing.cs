using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Copies a strip of a matrix into a panel: panel[p · width + i] for p below k and i below width, the order in
/// which a tile reads it. Places from count to width are zero.
/// </summary>
internal static unsafe class Packing
{
    /// <summary>The strip lies along the rows: element (p, i) is source[p · stride + i].</summary>
    public static void Along(float* source, nint stride, int count, int k, float* panel, int width)
    {
        for (int p = 0; p < k; p++, source += stride, panel += width)
        {
            if (count == width)
            {
                Copy(source, panel, width);
                continue;
            }
            int i = 0;
            for (; i < count; i++)
                panel[i] = source[i];
            for (; i < width; i++)
                panel[i] = 0;
        }
    }

    /// <summary>The strip lies across the rows: element (p, i) is source[i · stride + p].</summary>
    public static void Across(float* source, nint stride, int count, int k, float* panel, int width)
    {
        int done = 0;
        if (Avx2.IsSupported && count == width && width >= 6)
        {
            // Eight rows at a time. Where fewer are left the last repeats, and the surplus of each store is
            // overwritten by the next one: therefore from right to left, and a plain loop for the last places.
            int end = width % 8 == 0 ? k & ~7 : (k - 1) & ~7;
            for (; done < end; done += 8)
            {
                for (int i = (width - 1) & ~7; i >= 0; i -= 8)
                    Transpose(source + i * stride + done, stride, Math.Min(8, width - i), panel + (nint)done * width + i, width);
            }
        }
        for (int p = done; p < k; p++)
        {
            float* to = panel + (nint)p * width;
            int i = 0;
            for (; i < count; i++)
                to[i] = source[i * stride + p];
            for (; i < width; i++)
                to[i] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, float* to, int width)
    {
        int i = 0;
        for (; i + 8 <= width; i += 8)
            Vector256.Load(from + i).Store(to + i);
        for (; i < width; i++)
            to[i] = from[i];
    }

    /// <summary>Eight columns of up to eight rows, stored as eight rows of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* source, nint stride, int rows, float* to, nint width)
    {
        float* r1 = rows > 1 ? source + stride : source;
        float* r2 = rows > 2 ? r1 + stride : r1;
        float* r3 = rows > 3 ? r2 + stride : r2;
        float* r4 = rows > 4 ? r3 + stride : r3;
        float* r5 = rows > 5 ? r4 + stride : r4;
        float* r6 = rows > 6 ? r5 + stride : r5;
        float* r7 = rows > 7 ? r6 + stride : r6;
        Vector256<float> a0 = Vector256.Load(source), a1 = Vector256.Load(r1), a2 = Vector256.Load(r2), a3 = Vector256.Load(r3);
        Vector256<float> a4 = Vector256.Load(r4), a5 = Vector256.Load(r5), a6 = Vector256.Load(r6), a7 = Vector256.Load(r7);
        // Pairs of rows, then fours, then the two halves.
        Vector256<float> b0 = Avx.UnpackLow(a0, a1), b1 = Avx.UnpackHigh(a0, a1), b2 = Avx.UnpackLow(a2, a3), b3 = Avx.UnpackHigh(a2, a3);
        Vector256<float> b4 = Avx.UnpackLow(a4, a5), b5 = Avx.UnpackHigh(a4, a5), b6 = Avx.UnpackLow(a6, a7), b7 = Avx.UnpackHigh(a6, a7);
        Vector256<float> c0 = Low(b0, b2), c1 = High(b0, b2), c2 = Low(b1, b3), c3 = High(b1, b3);
        Vector256<float> c4 = Low(b4, b6), c5 = High(b4, b6), c6 = Low(b5, b7), c7 = High(b5, b7);
        Avx.Permute2x128(c0, c4, 0x20).Store(to);
        Avx.Permute2x128(c1, c5, 0x20).Store(to + width);
        Avx.Permute2x128(c2, c6, 0x20).Store(to + 2 * width);
        Avx.Permute2x128(c3, c7, 0x20).Store(to + 3 * width);
        Avx.Permute2x128(c0, c4, 0x31).Store(to + 4 * width);
        Avx.Permute2x128(c1, c5, 0x31).Store(to + 5 * width);
        Avx.Permute2x128(c2, c6, 0x31).Store(to + 6 * width);
        Avx.Permute2x128(c3, c7, 0x31).Store(to + 7 * width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Low(Vector256<float> a, Vector256<float> b) => Avx.Shuffle(a, b, 0x44);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> High(Vector256<float> a, Vector256<float> b) => Avx.Shuffle(a, b, 0xEE);
}
