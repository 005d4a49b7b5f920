using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Sums of float16 rows with float32 coefficients: y_g = Σ_r c_g,r · row_r. Both halves of decoding with a cache are this: scores
/// (rows are channels, coefficients the query) and outputs (rows are positions, coefficients the probabilities). Sixteen
/// neighbours lie as <see cref="KeyValuePages"/> stores them. Portable vectors of 256 bits, which machines with 128 split in two.
/// </summary>
internal static unsafe class HalfRows
{
    /// <summary>
    /// What coefficients must be multiplied with. A half becomes a float by moving its bits, which leaves it 2¹¹² too
    /// small; this and the same again on the sum make up for it, and nothing on the way is denormal.
    /// </summary>
    public const float Scale = 7.2057594e16f; // 2⁵⁶

    private interface ICount
    {
        static abstract int Count { get; }
    }

    private readonly struct One : ICount { public static int Count => 1; }
    private readonly struct Two : ICount { public static int Count => 2; }
    private readonly struct Three : ICount { public static int Count => 3; }
    private readonly struct Four : ICount { public static int Count => 4; }

    /// <param name="rows">Halves, <paramref name="stride"/> from row to row.</param>
    /// <param name="coefficients">For each of <paramref name="group"/> sums, coefficientStride apart, one a row.</param>
    /// <param name="columns">A multiple of sixteen.</param>
    /// <param name="y">The sums, yStride apart, in the columns' real order; added to if <paramref name="add"/>.</param>
    /// <param name="next">What is read next, as much again: fetched on the way, because the processor's own prefetching stops at the end of a page.</param>
    public static void Combine<TLanes>(ushort* rows, nint stride, int count, float* coefficients, nint coefficientStride, int group,
        int columns, float* y, nint yStride, bool add, ushort* next) where TLanes : struct, ILanes<TLanes>
    {
        if (typeof(TLanes) == typeof(Float1))
        {
            Reference(rows, stride, count, coefficients, coefficientStride, group, columns, y, yStride, add);
            return;
        }
        for (int g = 0; g < group; g += 4)
        {
            float* c = coefficients + g * coefficientStride, to = y + g * yStride;
            switch (group - g)
            {
                case 1: Columns<One>(rows, stride, count, c, coefficientStride, columns, to, yStride, add, next); break;
                case 2: Columns<Two>(rows, stride, count, c, coefficientStride, columns, to, yStride, add, next); break;
                case 3: Columns<Three>(rows, stride, count, c, coefficientStride, columns, to, yStride, add, next); break;
                default: Columns<Four>(rows, stride, count, c, coefficientStride, columns, to, yStride, add, next); break;
            }
        }
    }

    /// <summary>Sixteen stored neighbours as float32, in their real order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Widen(ushort* sixteen, float* to)
    {
        if (Vector128.IsHardwareAccelerated)
        {
            Vector256<int> both = Vector256.Load((int*)sixteen);
            (Low(both) * Vector256.Create(Scale) * Vector256.Create(Scale)).Store(to);
            (High(both) * Vector256.Create(Scale) * Vector256.Create(Scale)).Store(to + 8);
            return;
        }
        for (int i = 0; i < KeyValuePages.Together; i++)
            to[i] = (float)BitConverter.UInt16BitsToHalf(sixteen[KeyValuePages.Place(i)]);
    }

    private static void Reference(ushort* rows, nint stride, int count, float* coefficients, nint coefficientStride, int group,
        int columns, float* y, nint yStride, bool add)
    {
        for (int g = 0; g < group; g++)
        {
            for (int c = 0; c < columns; c++)
            {
                float sum = 0;
                for (int r = 0; r < count; r++)
                    sum += coefficients[g * coefficientStride + r] / Scale * (float)BitConverter.UInt16BitsToHalf(rows[r * stride + KeyValuePages.Place(c)]);
                y[g * yStride + c] = add ? y[g * yStride + c] + sum : sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns<TCount>(ushort* rows, nint stride, int count, float* c, nint cStride, int columns, float* y, nint yStride, bool add, ushort* next)
        where TCount : struct, ICount
    {
        int at = 0;
        // A lone sum takes 32 columns at a time, to have four multiply-adds under way.
        for (; TCount.Count <= 2 && at + 32 <= columns; at += 32)
            Pair<TCount>(rows + at, stride, count, c, cStride, y + at, yStride, add, next + (nint)at * count);
        for (; at < columns; at += 16)
            Sixteen<TCount>(rows + at, stride, count, c, cStride, y + at, yStride, add, next + (nint)at * count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sixteen<TCount>(ushort* rows, nint stride, int count, float* c, nint cStride, float* y, nint yStride, bool add, ushort* next)
        where TCount : struct, ICount
    {
        Vector256<float> low0 = default, high0 = default, low1 = default, high1 = default, low2 = default, high2 = default, low3 = default, high3 = default;
        for (int r = 0; r < count; r++, rows += stride, c++, next += 16)
        {
            if (Sse.IsSupported)
                Sse.Prefetch0(next);
            Vector256<int> both = Vector256.Load((int*)rows);
            Vector256<float> low = Low(both), high = High(both), k = Vector256.Create(*c);
            low0 = Vector256.MultiplyAddEstimate(k, low, low0);
            high0 = Vector256.MultiplyAddEstimate(k, high, high0);
            if (TCount.Count > 1)
            {
                k = Vector256.Create(c[cStride]);
                low1 = Vector256.MultiplyAddEstimate(k, low, low1);
                high1 = Vector256.MultiplyAddEstimate(k, high, high1);
            }
            if (TCount.Count > 2)
            {
                k = Vector256.Create(c[2 * cStride]);
                low2 = Vector256.MultiplyAddEstimate(k, low, low2);
                high2 = Vector256.MultiplyAddEstimate(k, high, high2);
            }
            if (TCount.Count > 3)
            {
                k = Vector256.Create(c[3 * cStride]);
                low3 = Vector256.MultiplyAddEstimate(k, low, low3);
                high3 = Vector256.MultiplyAddEstimate(k, high, high3);
            }
        }
        Put(low0, high0, y, add);
        if (TCount.Count > 1)
            Put(low1, high1, y + yStride, add);
        if (TCount.Count > 2)
            Put(low2, high2, y + 2 * yStride, add);
        if (TCount.Count > 3)
            Put(low3, high3, y + 3 * yStride, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pair<TCount>(ushort* rows, nint stride, int count, float* c, nint cStride, float* y, nint yStride, bool add, ushort* next)
        where TCount : struct, ICount
    {
        Vector256<float> a0 = default, b0 = default, c0 = default, d0 = default, a1 = default, b1 = default, c1 = default, d1 = default;
        for (int r = 0; r < count; r++, rows += stride, c++, next += 32)
        {
            if (Sse.IsSupported)
                Sse.Prefetch0(next);
            Vector256<int> first = Vector256.Load((int*)rows), second = Vector256.Load((int*)(rows + 16));
            Vector256<float> k = Vector256.Create(*c), l = TCount.Count > 1 ? Vector256.Create(c[cStride]) : default;
            Vector256<float> x = Low(first);
            a0 = Vector256.MultiplyAddEstimate(k, x, a0);
            if (TCount.Count > 1)
                a1 = Vector256.MultiplyAddEstimate(l, x, a1);
            x = High(first);
            b0 = Vector256.MultiplyAddEstimate(k, x, b0);
            if (TCount.Count > 1)
                b1 = Vector256.MultiplyAddEstimate(l, x, b1);
            x = Low(second);
            c0 = Vector256.MultiplyAddEstimate(k, x, c0);
            if (TCount.Count > 1)
                c1 = Vector256.MultiplyAddEstimate(l, x, c1);
            x = High(second);
            d0 = Vector256.MultiplyAddEstimate(k, x, d0);
            if (TCount.Count > 1)
                d1 = Vector256.MultiplyAddEstimate(l, x, d1);
        }
        Put(a0, b0, y, add);
        Put(c0, d0, y + 16, add);
        if (TCount.Count > 1)
        {
            Put(a1, b1, y + yStride, add);
            Put(c1, d1, y + yStride + 16, add);
        }
    }

    // The lower half of each lane, sign, exponent and fraction moved to where a float has them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Low(Vector256<int> both) =>
        ((both << 16 >> 3) & Vector256.Create(unchecked((int)0x8FFFE000))).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> High(Vector256<int> both) =>
        ((both >> 3) & Vector256.Create(unchecked((int)0x8FFFE000))).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> low, Vector256<float> high, float* y, bool add)
    {
        Vector256<float> scale = Vector256.Create(Scale);
        low *= scale;
        high *= scale;
        (add ? low + Vector256.Load(y) : low).Store(y);
        (add ? high + Vector256.Load(y + 8) : high).Store(y + 8);
    }
}
