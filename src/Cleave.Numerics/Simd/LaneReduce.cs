using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Simd;

/// <summary>Reductions of one row of floats on one thread, for the kernels to build on.</summary>
internal static unsafe class LaneReduce
{
    private const int Block = 256; // squares summed in single precision before they go to a double

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<TLanes>(float* a, float* b, int length) where TLanes : struct, ILanes<TLanes>
    {
        // Four sums hide the latency of the multiply-add.
        TLanes s0 = default, s1 = default, s2 = default, s3 = default;
        int w = TLanes.Width, i = 0;
        for (; i + 4 * w <= length; i += 4 * w)
        {
            s0 = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), s0);
            s1 = TLanes.MultiplyAdd(TLanes.Load(a + i + w), TLanes.Load(b + i + w), s1);
            s2 = TLanes.MultiplyAdd(TLanes.Load(a + i + 2 * w), TLanes.Load(b + i + 2 * w), s2);
            s3 = TLanes.MultiplyAdd(TLanes.Load(a + i + 3 * w), TLanes.Load(b + i + 3 * w), s3);
        }
        for (; i + w <= length; i += w)
            s0 = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), s0);
        if (i < length)
        {
            int rest = length - i;
            s1 = TLanes.MultiplyAdd(TLanes.LoadPartial(a + i, rest, default), TLanes.LoadPartial(b + i, rest, default), s1);
        }
        return TLanes.SumAcross(s0 + s1 + (s2 + s3));
    }

    public static double SumOfSquares<TLanes>(float* a, int length) where TLanes : struct, ILanes<TLanes>
    {
        double sum = 0;
        for (int i = 0; i < length; i += Block)
        {
            int count = Math.Min(Block, length - i);
            sum += Dot<TLanes>(a + i, a + i, count);
        }
        return sum;
    }

    /// <summary>The largest of one or more; NaN if there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Max<TLanes>(float* a, int length) where TLanes : struct, ILanes<TLanes>
    {
        TLanes low = TLanes.Broadcast(float.NegativeInfinity), m0 = low, m1 = low;
        int w = TLanes.Width, i = 0;
        for (; i + 2 * w <= length; i += 2 * w)
        {
            m0 = TLanes.Max(m0, TLanes.Load(a + i));
            m1 = TLanes.Max(m1, TLanes.Load(a + i + w));
        }
        for (; i + w <= length; i += w)
            m0 = TLanes.Max(m0, TLanes.Load(a + i));
        if (i < length)
            m1 = TLanes.Max(m1, TLanes.LoadPartial(a + i, length - i, low));
        return TLanes.MaxAcross(TLanes.Max(m0, m1));
    }

    /// <summary>
    /// Writes e^(x·scale − shift) to <paramref name="to"/> (which may be x) and returns the sum. The shift is to leave
    /// nothing above 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ExpSum<TLanes>(float* x, float* to, int length, float scale, float shift) where TLanes : struct, ILanes<TLanes>
    {
        TLanes s = TLanes.Broadcast(scale), minus = TLanes.Broadcast(-shift), sum = default;
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
        {
            TLanes e = LaneMath.ExpOrZero(TLanes.MultiplyAdd(TLanes.Load(x + i), s, minus));
            TLanes.Store(to + i, e);
            sum += e;
        }
        if (i < length)
        {
            int rest = length - i;
            TLanes z = TLanes.MultiplyAdd(TLanes.LoadPartial(x + i, rest, default), s, minus);
            TLanes.StorePartial(to + i, rest, LaneMath.ExpOrZero(z));
            sum += TLanes.LoadPartial(to + i, rest, default);
        }
        return TLanes.SumAcross(sum);
    }

    /// <summary>x *= scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale<TLanes>(float* x, int length, float scale) where TLanes : struct, ILanes<TLanes>
    {
        TLanes s = TLanes.Broadcast(scale);
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(x + i, TLanes.Load(x + i) * s);
        if (i < length)
            TLanes.StorePartial(x + i, length - i, TLanes.LoadPartial(x + i, length - i, default) * s);
    }

    /// <summary>to = to ⊙ from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TLanes>(float* from, float* to, int length) where TLanes : struct, ILanes<TLanes>
    {
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(to + i, TLanes.Load(to + i) * TLanes.Load(from + i));
        if (i < length)
            TLanes.StorePartial(to + i, length - i, TLanes.LoadPartial(to + i, length - i, default) * TLanes.LoadPartial(from + i, length - i, default));
    }

    /// <summary>to = from ⊙ (to − less).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyLess<TLanes>(float* from, float less, float* to, int length) where TLanes : struct, ILanes<TLanes>
    {
        TLanes minus = TLanes.Broadcast(less);
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(to + i, TLanes.Load(from + i) * (TLanes.Load(to + i) - minus));
        if (i < length)
            TLanes.StorePartial(to + i, length - i, TLanes.LoadPartial(from + i, length - i, default) * (TLanes.LoadPartial(to + i, length - i, default) - minus));
    }

    /// <summary>x = cap · tanh(x / cap).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftCap<TLanes>(float* x, int length, float cap) where TLanes : struct, ILanes<TLanes>
    {
        TLanes c = TLanes.Broadcast(cap), inverse = TLanes.Broadcast(1 / cap);
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(x + i, LaneMath.Tanh(TLanes.Load(x + i) * inverse) * c);
        if (i < length)
            TLanes.StorePartial(x + i, length - i, LaneMath.Tanh(TLanes.LoadPartial(x + i, length - i, default) * inverse) * c);
    }

    /// <summary>to += from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<TLanes>(float* from, float* to, int length) where TLanes : struct, ILanes<TLanes>
    {
        int w = TLanes.Width, i = 0;
        for (; i + w <= length; i += w)
            TLanes.Store(to + i, TLanes.Load(to + i) + TLanes.Load(from + i));
        if (i < length)
            TLanes.StorePartial(to + i, length - i, TLanes.LoadPartial(to + i, length - i, default) + TLanes.LoadPartial(from + i, length - i, default));
    }
}
