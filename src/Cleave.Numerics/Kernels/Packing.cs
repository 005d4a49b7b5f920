using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Copies strips of a matrix into panels: panel[p · width + i] for p below k and i below width, the order in which a
/// tile reads it. Where a strip has fewer than width columns, the rest of its panel holds numbers that do not matter.
/// </summary>
internal static unsafe class Packing
{
    private const int RowsAtOnce = 32;

    /// <summary>
    /// Strips along the rows: element (p, i) of the first is source[p · stride + i]; the next strip begins width
    /// further on. The rows are read whole, a few at a time, as the memory likes it.
    /// </summary>
    /// <param name="columns">Columns of all strips together.</param>
    /// <param name="panelStride">Distance from one panel to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Along(float* source, nint stride, int columns, int k, float* panels, int width, nint panelStride)
    {
        for (int p0 = 0; p0 < k; p0 += RowsAtOnce)
        {
            int end = Math.Min(k, p0 + RowsAtOnce);
            float* panel = panels;
            for (int i = 0; i < columns; i += width, panel += panelStride)
            {
                int count = Math.Min(width, columns - i);
                float* from = source + p0 * stride + i, to = panel + (nint)p0 * width;
                for (int p = p0; p < end; p++, from += stride, to += width)
                {
                    if (count == 16)
                    {
                        Vector256.Load(from).Store(to);
                        Vector256.Load(from + 8).Store(to + 8);
                    }
                    else
                        Copy(from, to, count);
                }
            }
        }
    }

    /// <summary>
    /// One strip across the rows: element (p, i) is source[i · stride + p].
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Across(float* source, nint stride, int count, int k, float* panel, int width)
    {
        int done = 0;
        if (Avx2.IsSupported && width >= 6)
        {
            // Eight rows at a time. Where fewer are left the last repeats, and the surplus of each store is
            // overwritten by the next one: therefore from right to left, and a plain loop for the last places.
            int end = width % 8 == 0 ? k & ~7 : (k - 1) & ~7;
            for (; done < end; done += 8)
            {
                for (int i = (width - 1) & ~7; i >= 0; i -= 8)
                {
                    int first = Math.Min(i, count - 1);
                    Transpose(source + first * stride + done, stride, Math.Min(8, count - first), panel + (nint)done * width + i, width);
                }
            }
        }
        else if ((AdvSimd.Arm64.IsSupported || Sse.IsSupported) && width % 4 == 0)
        {
            for (; done + 4 <= k; done += 4)
            {
                for (int i = 0; i < width; i += 4)
                {
                    int first = Math.Min(i, count - 1);
                    TransposeFour(source + first * stride + done, stride, Math.Min(4, count - first), panel + (nint)done * width + i, width);
                }
            }
        }
        for (int p = done; p < k; p++)
        {
            float* to = panel + (nint)p * width;
            for (int i = 0; i < width; i++)
                to[i] = source[Math.Min(i, count - 1) * stride + p];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, float* to, int count)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
            Vector256.Load(from + i).Store(to + i);
        if (i + 4 <= count)
        {
            Vector128.Load(from + i).Store(to + i);
            i += 4;
        }
        if (i + 2 <= count)
        {
            *(long*)(to + i) = *(long*)(from + i);
            i += 2;
        }
        if (i < count)
            to[i] = from[i];
    }

    /// <summary>Eight columns of up to eight rows, stored as eight rows of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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

    /// <summary>Four columns of up to four rows, stored as four rows of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeFour(float* source, nint stride, int rows, float* to, nint width)
    {
        float* r1 = rows > 1 ? source + stride : source;
        float* r2 = rows > 2 ? r1 + stride : r1;
        float* r3 = rows > 3 ? r2 + stride : r2;
        Vector128<float> a0 = Vector128.Load(source), a1 = Vector128.Load(r1), a2 = Vector128.Load(r2), a3 = Vector128.Load(r3);
        Vector128<float> b0 = ZipLow(a0, a2), b1 = ZipHigh(a0, a2), b2 = ZipLow(a1, a3), b3 = ZipHigh(a1, a3);
        ZipLow(b0, b2).Store(to);
        ZipHigh(b0, b2).Store(to + width);
        ZipLow(b1, b3).Store(to + 2 * width);
        ZipHigh(b1, b3).Store(to + 3 * width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Sse.UnpackLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Sse.UnpackHigh(a, b);
}
