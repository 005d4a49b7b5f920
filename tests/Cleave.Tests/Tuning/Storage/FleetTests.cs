using Cleave.Benchmarks.Fleet;
using Cleave.Tests.Formats.Durable;
using Cleave.Tuning;
using Cleave.Tuning.Storage;

namespace Cleave.Tests.Tuning.Storage;

[Trait("Kernels", "unused")]
public sealed class FleetTests
{
    private static readonly FleetConditions Hard = FleetConditions.Usual with { Workers = 60, Duration = TimeSpan.FromHours(3), UntilKilled = TimeSpan.FromHours(1) };

    private static readonly StudyDefinition Definition = new("fleet", new SearchSpace([new FloatParameter("x", 0, 1)]));

    [Fact]
    public void A_fleet_whose_workers_die_and_stop_spends_its_time_on_what_counts()
    {
        FleetResult result = new FleetSimulation(Hard, 5).Run(clock => new MemoryStudyStorage(Definition, Hard.Lease, clock));
        Assert.True(result.Kills > 100 && result.Stops > 20, $"{result}");
        Assert.InRange(result.UsefulOfPresent, 0.9, 1);
        // Every stop of some length is noticed, and nobody is refused who was not replaced.
        Assert.InRange(result.Refusals, 10, result.Takeovers);
        Assert.InRange(result.Takeovers, result.Kills * 0.8, result.Kills + result.Stops);
    }

    [Fact]
    public void Without_leases_nobody_takes_up_what_dead_workers_leave()
    {
        FleetConditions small = Hard with { Workers = 20, Duration = TimeSpan.FromHours(1) };
        FleetResult with = new FleetSimulation(small, 5).Run(clock => new MemoryStudyStorage(Definition, small.Lease, clock));
        FleetResult without = new FleetSimulation(small, 5).Run(clock => new MemoryStudyStorage(Definition, TimeSpan.FromDays(1), clock));
        Assert.Equal(0, without.Takeovers);
        Assert.True(with.Takeovers > 0);
    }

    [Fact]
    public void The_journal_of_a_fleet_says_the_same_as_its_memory()
    {
        using var folder = new TemporaryFolder();
        FleetConditions small = Hard with { Workers = 10, Duration = TimeSpan.FromHours(1) };
        FleetResult memory = new FleetSimulation(small, 5).Run(clock => new MemoryStudyStorage(Definition, small.Lease, clock));
        FleetResult journal = new FleetSimulation(small, 5).Run(clock => JournalStudyStorage.OpenShared(folder.File("study.journal"), Definition, small.Lease, clock));
        Assert.Equal(memory, journal);
    }
}
