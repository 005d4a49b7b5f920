using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Tests.Numerics.Kernels;

/// <summary>Runs a check with every instruction set and with one and two threads.</summary>
internal static class Variants
{
    private static readonly ThreadTeam[] Teams = [new(1), new(2)];

    /// <summary>
    /// The sets that can run here. The 512-bit kernels are portable vectors and run everywhere, emulated where the
    /// hardware lacks them, as long as the 256-bit instructions that they build on exist.
    /// </summary>
    public static IReadOnlyList<InstructionSet> Sets { get; } =
    [
        InstructionSet.Scalar,
        .. InstructionSets.IsAvailable(InstructionSet.Vector128) ? [InstructionSet.Vector128] : Array.Empty<InstructionSet>(),
        .. InstructionSets.IsAvailable(InstructionSet.Avx2) ? [InstructionSet.Avx2, InstructionSet.Avx512] : Array.Empty<InstructionSet>(),
    ];

    public static void Each(Action<string> check)
    {
        foreach (InstructionSet set in Sets)
        {
            foreach (ThreadTeam team in Teams)
                On(set, team, check);
        }
    }

    /// <summary>Every instruction set on one thread, for checks of single-threaded arithmetic.</summary>
    public static void EachSet(Action<string> check)
    {
        foreach (InstructionSet set in Sets)
            On(set, Teams[0], check);
    }

    /// <summary>The bits that a function returns must be the same on one and on two threads.</summary>
    public static void SameOnAnyThreads(Func<float[]> compute)
    {
        foreach (InstructionSet set in Sets)
        {
            var results = new float[2][];
            for (int t = 0; t < 2; t++)
                On(set, Teams[t], _ => results[t] = compute());
            Assert.Equal(results[0].Select(BitConverter.SingleToUInt32Bits), results[1].Select(BitConverter.SingleToUInt32Bits));
        }
    }

    private static void On(InstructionSet set, ThreadTeam team, Action<string> check)
    {
        using (InstructionSets.Force(set))
        using (ThreadTeam.Use(team))
            check($"{set}, {team.Threads} threads: ");
    }
}
