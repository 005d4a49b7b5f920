using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Reductions. The order of a sum depends on the length and the vector width, never on the threads.</summary>
public static unsafe partial class VectorMath
{
    private const int SumLength = 16384; // elements summed by one part

    /// <summary>Σ a[i] · b[i].</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Guard.Length(b.Length, a.Length, nameof(b));
        fixed (float* pa = a, pb = b)
        {
            var kernel = new DotKernel { A = pa, B = pb, Length = a.Length };
            Dispatch.Run(ref kernel, 1, threaded: false);
            return kernel.Result;
        }
    }

    private struct DotKernel : IKernel
    {
        public float* A, B;
        public int Length;
        public float Result;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes> => Result = LaneReduce.Dot<TLanes>(A, B, Length);
    }

    /// <summary>Σ a[i]², accumulated in double precision across blocks of 256.</summary>
    public static double SumOfSquares(ReadOnlySpan<float> a)
    {
        int parts = (a.Length + SumLength - 1) / SumLength;
        using Scratch sums = Scratch.Rent(parts * 2);
        fixed (float* from = a)
        {
            var kernel = new SumOfSquaresKernel { From = from, Length = a.Length, Sums = (double*)sums.Pointer };
            Dispatch.Run(ref kernel, parts, threaded: a.Length >= 4 * SumLength);
            double total = 0;
            for (int p = 0; p < parts; p++)
                total += kernel.Sums[p];
            return total;
        }
    }

    private struct SumOfSquaresKernel : IKernel
    {
        public float* From;
        public int Length;
        public double* Sums;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            nint start = (nint)part * SumLength;
            Sums[part] = LaneReduce.SumOfSquares<TLanes>(From + start, (int)Math.Min(SumLength, Length - start));
        }
    }

    /// <summary>The largest element; NaN if there is one.</summary>
    /// <exception cref="ArgumentException">The span is empty.</exception>
    public static float Max(ReadOnlySpan<float> a)
    {
        Guard.AtLeast(a.Length, 1, nameof(a));
        fixed (float* from = a)
        {
            var kernel = new MaxKernel { From = from, Length = a.Length };
            Dispatch.Run(ref kernel, 1, threaded: false);
            return kernel.Result;
        }
    }

    private struct MaxKernel : IKernel
    {
        public float* From;
        public int Length;
        public float Result;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes> => Result = LaneReduce.Max<TLanes>(From, Length);
    }
}
