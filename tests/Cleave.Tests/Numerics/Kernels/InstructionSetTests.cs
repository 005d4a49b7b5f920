using Cleave.Numerics.Simd;
using Xunit.Abstractions;

namespace Cleave.Tests.Numerics.Kernels;

public class InstructionSetTests(ITestOutputHelper output)
{
    [Fact]
    public void The_set_in_use_is_one_of_this_machine_and_the_wanted_one()
    {
        InstructionSet[] sets = [.. Enum.GetValues<InstructionSet>().Where(InstructionSets.IsAvailable)];
        Assert.Contains(InstructionSets.Active, sets);
        Assert.Equal(InstructionSets.Choose(Environment.GetEnvironmentVariable(InstructionSets.Variable)), InstructionSets.Active);
        // Read by .ci/run, which runs everything again under each of the others.
#pragma warning disable CA1308 // as CLEAVE_ISA spells them
        output.WriteLine($"instruction set {InstructionSets.Active} of {string.Join(' ', sets)}".ToLowerInvariant());
#pragma warning restore CA1308
    }

    [Fact]
    public void Without_a_wish_the_best_available_set_is_chosen()
    {
        InstructionSet best = InstructionSets.Choose(null);
        Assert.True(InstructionSets.IsAvailable(best));
        Assert.Equal(best, InstructionSets.Choose(""));
        if (InstructionSets.IsAvailable(InstructionSet.Vector128))
            Assert.NotEqual(InstructionSet.Scalar, best);
    }

    [Theory]
    [InlineData("scalar", InstructionSet.Scalar)]
    [InlineData("vector128", InstructionSet.Vector128)]
    [InlineData("AVX2", InstructionSet.Avx2)]
    [InlineData("avx512", InstructionSet.Avx512)]
    public void A_wish_is_granted_or_refused_in_one_line(string name, InstructionSet set)
    {
        if (InstructionSets.IsAvailable(set))
        {
            Assert.Equal(set, InstructionSets.Choose(name));
            return;
        }
        string message = Assert.Throws<CapacityException>(() => InstructionSets.Choose(name)).Message;
        Assert.StartsWith($"CLEAVE_ISA={name}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void An_unknown_wish_is_refused()
    {
        string message = Assert.Throws<CapacityException>(() => InstructionSets.Choose("sse")).Message;
        Assert.Contains("scalar, vector128, avx2 or avx512", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_scope_forces_a_set_on_this_thread_and_ends()
    {
        InstructionSet before = InstructionSets.Active;
        using (InstructionSets.Force(InstructionSet.Scalar))
            Assert.Equal(InstructionSet.Scalar, InstructionSets.Active);
        Assert.Equal(before, InstructionSets.Active);
    }
}
