using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>The non-linearity of a feed-forward network.</summary>
public enum Activation
{
    /// <summary>x·σ(x), also called swish.</summary>
    Silu,

    /// <summary>x·Φ(x), Φ the normal distribution (Hendrycks and Gimpel, 2016).</summary>
    Gelu,

    /// <summary>x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), their approximation.</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>Activations, element by element.</summary>
public static unsafe class Activations
{
    /// <summary>y = f(x); y may be x.</summary>
    public static void Forward(Activation kind, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.Length(y.Length, x.Length, nameof(y));
        fixed (float* px = x, py = y)
        {
            switch (kind)
            {
                case Activation.Silu: ElementWise.Run(new ForwardOperation<SiluCurve> { X = px, Y = py }, x.Length); break;
                case Activation.Gelu: ElementWise.Run(new ForwardOperation<GeluCurve> { X = px, Y = py }, x.Length); break;
                case Activation.GeluTanh: ElementWise.Run(new ForwardOperation<GeluTanhCurve> { X = px, Y = py }, x.Length); break;
                case Activation.Relu: ElementWise.Run(new ForwardOperation<ReluCurve> { X = px, Y = py }, x.Length); break;
                default: throw new ArgumentOutOfRangeException(nameof(kind));
            }
        }
    }

    /// <summary>dx = dy · f′(x); dx may be dy or x.</summary>
    public static void Backward(Activation kind, ReadOnlySpan<float> dy, ReadOnlySpan<float> x, Span<float> dx)
    {
        Guard.Length(x.Length, dy.Length, nameof(x));
        Guard.Length(dx.Length, dy.Length, nameof(dx));
        fixed (float* pdy = dy, px = x, pdx = dx)
        {
            switch (kind)
            {
                case Activation.Silu: ElementWise.Run(new BackwardOperation<SiluCurve> { Dy = pdy, X = px, Dx = pdx }, x.Length); break;
                case Activation.Gelu: ElementWise.Run(new BackwardOperation<GeluCurve> { Dy = pdy, X = px, Dx = pdx }, x.Length); break;
                case Activation.GeluTanh: ElementWise.Run(new BackwardOperation<GeluTanhCurve> { Dy = pdy, X = px, Dx = pdx }, x.Length); break;
                case Activation.Relu: ElementWise.Run(new BackwardOperation<ReluCurve> { Dy = pdy, X = px, Dx = pdx }, x.Length); break;
                default: throw new ArgumentOutOfRangeException(nameof(kind));
            }
        }
    }

    private interface ICurve
    {
        static abstract TLanes Value<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>;
        static abstract TLanes Slope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>;
    }

    private struct ForwardOperation<TCurve> : IElementWise where TCurve : struct, ICurve
    {
        public float* X, Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> => place.Store(Y, TCurve.Value(place.Load(X)));
    }

    private struct BackwardOperation<TCurve> : IElementWise where TCurve : struct, ICurve
    {
        public float* Dy, X, Dx;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<TLanes, TPlace>(TPlace place)
            where TLanes : struct, ILanes<TLanes> where TPlace : struct, IPlace<TLanes> =>
            place.Store(Dx, place.Load(Dy) * TCurve.Slope(place.Load(X)));
    }

    private readonly struct SiluCurve : ICurve
    {
        public static TLanes Value<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => x * LaneMath.Sigmoid(x);

        public static TLanes Slope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
        {
            TLanes one = TLanes.Broadcast(1), s = LaneMath.Sigmoid(x);
            return s * TLanes.MultiplyAdd(x, one - s, one);
        }
    }

    private readonly struct ReluCurve : ICurve
    {
        public static TLanes Value<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => TLanes.Larger(default, x);
        public static TLanes Slope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => Step(x);
    }

    private readonly struct GeluCurve : ICurve
    {
        public static TLanes Value<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
        {
            TLanes size = TLanes.Larger(default(TLanes) - x, x);
            return TLanes.Larger(default, x) - size * Tail(size, Bell(x));
        }

        public static TLanes Slope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
        {
            TLanes bell = Bell(x), tail = Tail(TLanes.Larger(default(TLanes) - x, x), bell), step = Step(x);
            TLanes below = TLanes.MultiplyAdd(TLanes.Broadcast(1) - step - step, tail, step); // Φ(x)
            return TLanes.MultiplyAdd(x * TLanes.Broadcast(0.39894228f), bell, below); // + x·φ(x)
        }

        private static TLanes Bell<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
            LaneMath.ExpOrZero(x * x * TLanes.Broadcast(-0.5f));

        /// <summary>1 − Φ(size), size ≥ 0, within 8e-8: Abramowitz and Stegun, 7.1.26, for erfc(size / √2) / 2.</summary>
        private static TLanes Tail<TLanes>(TLanes size, TLanes bell) where TLanes : struct, ILanes<TLanes>
        {
            TLanes one = TLanes.Broadcast(1);
            TLanes t = one / TLanes.MultiplyAdd(size, TLanes.Broadcast(0.3275911f * 0.70710678f), one);
            TLanes p = TLanes.MultiplyAdd(TLanes.Broadcast(1.061405429f), t, TLanes.Broadcast(-1.453152027f));
            p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(1.421413741f));
            p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(-0.284496736f));
            p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(0.254829592f));
            return p * t * bell * TLanes.Broadcast(0.5f);
        }
    }

    private readonly struct GeluTanhCurve : ICurve
    {
        private const float TwoRootTwoOverPi = 1.5957691f, Cubic = 0.044715f;

        // (1 + tanh u) / 2 = σ(2u)
        public static TLanes Value<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => x * Gate(x);

        public static TLanes Slope<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
        {
            TLanes one = TLanes.Broadcast(1), s = Gate(x);
            TLanes inner = TLanes.MultiplyAdd(x * x, TLanes.Broadcast(3 * Cubic), one) * TLanes.Broadcast(TwoRootTwoOverPi);
            return s * TLanes.MultiplyAdd(x * inner, one - s, one);
        }

        private static TLanes Gate<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
            LaneMath.Sigmoid(TLanes.MultiplyAdd(x * x, TLanes.Broadcast(Cubic), TLanes.Broadcast(1)) * x * TLanes.Broadcast(TwoRootTwoOverPi));
    }

    /// <summary>1 above 0, else 0.</summary>
    private static TLanes Step<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
        TLanes.Clamp(x * TLanes.Broadcast(1e30f), default, TLanes.Broadcast(1));
}
