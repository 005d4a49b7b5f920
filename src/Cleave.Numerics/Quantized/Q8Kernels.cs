using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Quantized;

/// <summary>How weights are packed to be multiplied with 8-bit activations.</summary>
internal enum Q8Kernel
{
    /// <summary><see cref="Q8Format"/>.</summary>
    Wide,

    /// <summary><see cref="VnniDot"/>.</summary>
    Dot,

    /// <summary><see cref="Quantized.EmulatedDot"/>.</summary>
    EmulatedDot,

    /// <summary><see cref="Quantized.ArmDot"/>.</summary>
    ArmDot,

    /// <summary><see cref="Quantized.WideningDot"/>.</summary>
    WideningDot,
}

/// <summary>Which of them new matrices get.</summary>
internal static class Q8Kernels
{
    [ThreadStatic]
    private static Q8Kernel? _forced;

    public static Q8Kernel Active => _forced
        ?? (InstructionSets.Active == InstructionSet.Vector128 || !Avx2.IsSupported ? Portable
        : AvxVnni.IsSupported ? Q8Kernel.Dot
        : Q8Kernel.Wide);

    private static Q8Kernel Portable => Dp.IsSupported ? Q8Kernel.ArmDot : Q8Kernel.WideningDot;

    /// <summary>Makes matrices that this thread packs use a kernel until the scope is disposed.</summary>
    public static Scope Force(Q8Kernel kernel)
    {
        var scope = new Scope(_forced);
        _forced = kernel;
        return scope;
    }

    public readonly ref struct Scope(Q8Kernel? before)
    {
        public void Dispose() => _forced = before;
    }
}
