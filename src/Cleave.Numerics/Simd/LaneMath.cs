using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Simd;

/// <summary>Functions of lanes that are more than one instruction.</summary>
internal static class LaneMath
{
    /// <summary>2¹¹²: what a float16's bits, moved to where a float has them, are too small by.</summary>
    public const float Float16Scale = 5.192297e33f;

    /// <summary>
    /// eˣ within 2 units in the last place of a normal result; 0 below −104, ∞ above 88.73, NaN for NaN.
    /// x = n·ln 2 + r with |r| ≤ ln 2 / 2; eʳ is a polynomial of degree 6 (relative error 3e-9, fitted by
    /// reweighted least squares); 2ⁿ is applied as two factors so that neither overflows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Exp<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        x = TLanes.Clamp(x, TLanes.Broadcast(-104), TLanes.Broadcast(89));
        TLanes n = TLanes.Round(x * TLanes.Broadcast(1.44269504f));
        TLanes p = Reduced(x, n);
        TLanes half = TLanes.Round(n * TLanes.Broadcast(0.5f));
        return p * TLanes.PowerOfTwo(half) * TLanes.PowerOfTwo(n - half);
    }

    /// <summary>
    /// eˣ for x up to 88, with results below about 1e-38 made 0: two thirds of the work of <see cref="Exp"/>, for sums
    /// in which such terms do not count. NaN for NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes ExpOrZero<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        x = TLanes.Larger(TLanes.Broadcast(-88), x);
        // 1.5 · 2²³ + 127 pushes the fraction out by rounding and leaves n + 127 in the lowest bits, ready to become
        // the exponent of 2ⁿ; n = −127 becomes 0.
        TLanes magic = TLanes.Broadcast(12583039f);
        TLanes shifted = TLanes.MultiplyAdd(x, TLanes.Broadcast(1.44269504f), magic);
        return Reduced(x, shifted - magic) * TLanes.FractionToExponent(shifted);
    }

    /// <summary>e^(x − n·ln 2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Reduced<TLanes>(TLanes x, TLanes n) where TLanes : struct, ILanes<TLanes>
    {
        // ln 2 in two pieces; the first has few enough bits that n times it is exact.
        TLanes r = TLanes.MultiplyAdd(n, TLanes.Broadcast(-0.693359375f), x);
        r = TLanes.MultiplyAdd(n, TLanes.Broadcast(2.12194440e-4f), r);
        TLanes p = TLanes.MultiplyAdd(TLanes.Broadcast(0.0013814599f), r, TLanes.Broadcast(0.008368717f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(0.04166839f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(0.16666521f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(0.49999994f));
        return TLanes.MultiplyAdd(p, r * r, r) + TLanes.Broadcast(1);
    }

    /// <summary>σ(x) = 1 / (1 + e⁻ˣ); below −88 it stays at about 1e-38.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Sigmoid<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        TLanes one = TLanes.Broadcast(1);
        TLanes minus = TLanes.Clamp(default(TLanes) - x, TLanes.Broadcast(-88), TLanes.Broadcast(88));
        return one / (one + ExpOrZero(minus));
    }

    /// <summary>tanh x = 2·σ(2x) − 1, within 1.2e-7 absolutely.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Tanh<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        TLanes sigmoid = Sigmoid(x + x);
        return sigmoid + sigmoid - TLanes.Broadcast(1);
    }
}
