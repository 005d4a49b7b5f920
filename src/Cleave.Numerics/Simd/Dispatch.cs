using System.Runtime.CompilerServices;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Simd;

/// <summary>A kernel cut into parts, written once for every vector width.</summary>
internal interface IKernel
{
    void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Runs kernels: one choice of the instruction set and one hand-off to the thread team per call.</summary>
internal static class Dispatch
{
    /// <summary>Elements of simple arithmetic below which waking a second thread costs more than it saves.</summary>
    public const int ThreadedFrom = 16384;

    /// <summary>Runs every part of a kernel, on the team if <paramref name="threaded"/>.</summary>
    public static void Run<TKernel>(ref TKernel kernel, int parts, bool threaded) where TKernel : struct, IKernel
    {
        switch (InstructionSets.Active)
        {
            case InstructionSet.Avx512:
                Run<TKernel, Float16>(ref kernel, parts, threaded);
                break;
            case InstructionSet.Avx2:
                Run<TKernel, Float8>(ref kernel, parts, threaded);
                break;
            case InstructionSet.Vector128:
                Run<TKernel, Float4>(ref kernel, parts, threaded);
                break;
            default:
                Run<TKernel, Float1>(ref kernel, parts, threaded);
                break;
        }
    }

    private static void Run<TKernel, TLanes>(ref TKernel kernel, int parts, bool threaded)
        where TKernel : struct, IKernel where TLanes : struct, ILanes<TLanes>
    {
        if (threaded && parts > 1)
        {
            var body = new Bound<TKernel, TLanes> { Kernel = kernel };
            ThreadTeam.Current.Run(parts, ref body);
            kernel = body.Kernel;
            return;
        }
        for (int part = 0; part < parts; part++)
            kernel.Part<TLanes>(part);
    }

    private struct Bound<TKernel, TLanes> : IPart
        where TKernel : struct, IKernel where TLanes : struct, ILanes<TLanes>
    {
        public TKernel Kernel;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Invoke(int part) => Kernel.Part<TLanes>(part);
    }
}
