using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Simd;

/// <summary>Which instruction set the kernels use: the best of the machine, or the one forced by CLEAVE_ISA.</summary>
public static class InstructionSets
{
    /// <summary>The environment variable that forces an instruction set: scalar, vector128, avx2 or avx512.</summary>
    public const string Variable = "CLEAVE_ISA";

    [ThreadStatic]
    private static int _forced; // 1 + the set that this thread is made to use, or 0

    private static int _active; // 1 + the set chosen for the process, or 0 before the first use

    /// <summary>
    /// The set in use on this thread. Asked once per kernel call, never inside a loop, and chosen at the first
    /// use rather than in a static constructor, so that a mistake in the variable surfaces as itself.
    /// </summary>
    /// <exception cref="CapacityException">CLEAVE_ISA names an unknown set or one that this machine lacks.</exception>
    public static InstructionSet Active
    {
        get
        {
            int forced = _forced;
            if (forced != 0)
                return (InstructionSet)(forced - 1);
            int active = _active;
            if (active == 0)
                _active = active = 1 + (int)Choose(Environment.GetEnvironmentVariable(Variable));
            return (InstructionSet)(active - 1);
        }
    }

    /// <summary>Whether this machine executes the set.</summary>
    public static bool IsAvailable(InstructionSet set) => set switch
    {
        InstructionSet.Scalar => true,
        InstructionSet.Vector128 => AdvSimd.Arm64.IsSupported || Sse41.IsSupported,
        InstructionSet.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        InstructionSet.Avx512 => Avx512F.IsSupported && Avx512DQ.IsSupported && Avx512BW.IsSupported,
        _ => false,
    };

    /// <summary>The set for a value of CLEAVE_ISA; null or empty means the best of this machine.</summary>
    /// <remarks>
    /// The order is a measured one: in the matmul micro-kernel 512-bit vectors reach twice the rate of 256-bit
    /// ones on Zen 5 and are no slower on Zen 4. Where the runtime reports that wide vectors throttle the core
    /// (<see cref="Vector512.IsHardwareAccelerated"/> is false on such processors) AVX2 comes first. 128-bit vectors
    /// are for machines without either, all of Arm64 among them. It is a fixed order and not a measurement at start-up, because
    /// the choice must be the same in every run.
    /// </remarks>
    /// <exception cref="CapacityException">The name is unknown or the machine lacks the set.</exception>
    public static InstructionSet Choose(string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return IsAvailable(InstructionSet.Avx512) && Vector512.IsHardwareAccelerated ? InstructionSet.Avx512
                : IsAvailable(InstructionSet.Avx2) ? InstructionSet.Avx2
                : IsAvailable(InstructionSet.Vector128) ? InstructionSet.Vector128
                : InstructionSet.Scalar;
        }
        InstructionSet set = name.ToLowerInvariant() switch
        {
            "scalar" => InstructionSet.Scalar,
            "vector128" => InstructionSet.Vector128,
            "avx2" => InstructionSet.Avx2,
            "avx512" => InstructionSet.Avx512,
            _ => throw new CapacityException($"{Variable}={name}: unknown instruction set; use scalar, vector128, avx2 or avx512, or unset it"),
        };
        return IsAvailable(set) ? set
            : throw new CapacityException($"{Variable}={name}: this machine does not have it; unset {Variable} to use the best it has");
    }

    /// <summary>
    /// Makes this thread's kernel calls use a set until the scope is disposed. For tests: the 512-bit kernels
    /// are written in portable vectors, which the runtime emulates where the hardware lacks them.
    /// </summary>
    internal static Scope Force(InstructionSet set)
    {
        var scope = new Scope(_forced);
        _forced = 1 + (int)set;
        return scope;
    }

    internal readonly ref struct Scope(int before)
    {
        public void Dispose() => _forced = before;
    }
}
