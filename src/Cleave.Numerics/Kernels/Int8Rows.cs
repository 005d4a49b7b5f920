using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>As <see cref="HalfRows"/>, of 8-bit rows: y_g = Σ_r c_g,r · row_r. Whoever calls it multiplies with the scales.</summary>
internal static unsafe class Int8Rows
{
    /// <param name="rows">Elements, <paramref name="stride"/> from row to row.</param>
    /// <param name="coefficients">For each of <paramref name="group"/> sums, coefficientStride apart, one a row.</param>
    /// <param name="columns">A multiple of sixteen.</param>
    /// <param name="y">The sums, yStride apart; added to if <paramref name="add"/>.</param>
    public static void Combine<TLanes>(sbyte* rows, nint stride, int count, float* coefficients, nint coefficientStride, int group,
        int columns, float* y, nint yStride, bool add) where TLanes : struct, ILanes<TLanes>
    {
        for (int g = 0; g < group; g += 2)
        {
            float* c0 = coefficients + g * coefficientStride, c1 = g + 1 < group ? c0 + coefficientStride : null;
            float* y0 = y + g * yStride, y1 = y0 + yStride;
            int at = 0;
            for (; at + 2 * TLanes.Width <= columns; at += 2 * TLanes.Width)
                Two<TLanes>(rows + at, stride, count, c0, c1, y0 + at, y1 + at, add);
            if (at < columns) // sixteen columns of sixteen lanes
            {
                One<TLanes>(rows + at, stride, count, c0, y0 + at, add);
                if (c1 != null)
                    One<TLanes>(rows + at, stride, count, c1, y1 + at, add);
            }
        }
    }

    private static void One<TLanes>(sbyte* rows, nint stride, int count, float* c, float* y, bool add) where TLanes : struct, ILanes<TLanes>
    {
        TLanes sum = add ? TLanes.Load(y) : default;
        for (int r = 0; r < count; r++, rows += stride)
            sum = TLanes.MultiplyAdd(TLanes.Broadcast(c[r]), TLanes.LoadInt8(rows), sum);
        TLanes.Store(y, sum);
    }

    /// <summary>Two vectors of columns for one or two sums. Rows alternate between two chains of additions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two<TLanes>(sbyte* rows, nint stride, int count, float* c0, float* c1, float* y0, float* y1, bool add)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = TLanes.Width;
        TLanes low0 = default, high0 = default, low1 = default, high1 = default;
        if (c1 == null)
        {
            for (int r = 0; r + 2 <= count; r += 2, rows += 2 * stride)
            {
                TLanes k = TLanes.Broadcast(c0[r]), l = TLanes.Broadcast(c0[r + 1]);
                low0 = TLanes.MultiplyAdd(k, TLanes.LoadInt8(rows), low0);
                high0 = TLanes.MultiplyAdd(k, TLanes.LoadInt8(rows + width), high0);
                low1 = TLanes.MultiplyAdd(l, TLanes.LoadInt8(rows + stride), low1);
                high1 = TLanes.MultiplyAdd(l, TLanes.LoadInt8(rows + stride + width), high1);
            }
            if (count % 2 != 0)
            {
                TLanes k = TLanes.Broadcast(c0[count - 1]);
                low0 = TLanes.MultiplyAdd(k, TLanes.LoadInt8(rows), low0);
                high0 = TLanes.MultiplyAdd(k, TLanes.LoadInt8(rows + width), high0);
            }
            Put(y0, low0 + low1, high0 + high1, add);
            return;
        }
        for (int r = 0; r < count; r++, rows += stride)
        {
            TLanes low = TLanes.LoadInt8(rows), high = TLanes.LoadInt8(rows + width), k = TLanes.Broadcast(c0[r]), l = TLanes.Broadcast(c1[r]);
            low0 = TLanes.MultiplyAdd(k, low, low0);
            high0 = TLanes.MultiplyAdd(k, high, high0);
            low1 = TLanes.MultiplyAdd(l, low, low1);
            high1 = TLanes.MultiplyAdd(l, high, high1);
        }
        Put(y0, low0, high0, add);
        Put(y1, low1, high1, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TLanes>(float* y, TLanes low, TLanes high, bool add) where TLanes : struct, ILanes<TLanes>
    {
        TLanes.Store(y, add ? low + TLanes.Load(y) : low);
        TLanes.Store(y + TLanes.Width, add ? high + TLanes.Load(y + TLanes.Width) : high);
    }
}
