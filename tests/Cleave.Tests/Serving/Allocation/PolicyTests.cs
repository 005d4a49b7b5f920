using Cleave.Data;
using Cleave.Numerics;
using Cleave.Serving.Allocation;

namespace Cleave.Tests.Serving.Allocation;

/// <summary>The allocator's rules, by themselves: what holds for every input, over inputs that a seed draws.</summary>
[Trait("Kernels", "unused")]
public sealed class PolicyTests
{
    [Fact]
    public void Shares_sum_to_one_hold_the_minimums_and_follow_the_weights_above_them()
    {
        var rng = new Rng(3);
        for (int round = 0; round < 2000; round++)
        {
            int count = 1 + rng.NextInt(8);
            double[] weights = [.. Enumerable.Range(0, count).Select(_ => 0.01 + 5 * rng.NextDouble())];
            double[] minimums = [.. Enumerable.Range(0, count).Select(_ => rng.NextInt(2) == 0 ? 0 : rng.NextDouble())];
            double scale = Math.Max(1, minimums.Sum() / ProcessorShares.MostMinimums);
            minimums = [.. minimums.Select(m => m / scale)];
            double[] shares = ProcessorShares.Of(weights, minimums);
            Assert.Equal(1, shares.Sum(), 9);
            double[] free = [.. Enumerable.Range(0, count).Where(i => shares[i] > minimums[i] + 1e-12).Select(i => shares[i] / weights[i])];
            Assert.All(Enumerable.Range(0, count), i => Assert.True(shares[i] >= minimums[i] - 1e-12, $"{shares[i]} of at least {minimums[i]}"));
            Assert.All(free, f => Assert.Equal(free[0], f, 9)); // those above their minimum are in the proportion of their weights
            Assert.All(Enumerable.Range(0, count).Where(i => shares[i] <= minimums[i] + 1e-12), i => Assert.True(free.Length == 0 || shares[i] / weights[i] >= free[0] - 1e-9));
        }
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(1, 0.96)]
    [InlineData(1, -0.1)]
    [InlineData(double.NaN, 0)]
    public void Impossible_shares_are_refused(double weight, double minimum) =>
        Assert.Throws<ArgumentException>(() => ProcessorShares.Of([weight, 1], [minimum, 0]));

    [Fact]
    public void A_rate_follows_a_change_within_seconds_and_fades()
    {
        var rate = new ExponentialRate(10);
        for (double now = 0; now < 60; now += 0.1)
            rate.Add(1, now);
        Assert.Equal(10, rate.At(60), 0.2);
        for (double now = 60; now < 75; now += 0.01)
            rate.Add(1, now);
        Assert.InRange(rate.At(75), 75, 95); // 10 + 90 (1 - exp(-1.5))
        Assert.InRange(rate.At(175), 0, 0.01);
        var young = new ExponentialRate(10);
        for (double now = 5; now < 7; now += 0.1)
            young.Add(1, now);
        Assert.InRange(young.At(7), 9, 11); // two seconds are enough to know it
    }

    [Fact]
    public void Those_whose_bytes_are_worth_least_make_room_and_none_in_vain()
    {
        ResidentModule idle = new("idle", 100, 1, 0), rare = new("rare", 400, 1, 0.1), busy = new("busy", 100, 1, 10), dear = new("dear", 100, 60, 0.2);
        Assert.Equal(["idle"], Names([busy, rare, idle, dear], 90));
        Assert.Equal(["idle", "rare"], Names([dear, rare, idle, busy], 450));
        Assert.Equal(["rare"], Names([dear, rare, idle, busy], 400)); // without the idle one there is enough
        Assert.Null(Residency.Victims([idle, rare], 501));
        Assert.Empty(Residency.Victims([idle], 0)!);
        Assert.True(dear.Value > busy.Value);

        static string[] Names(ResidentModule[] residents, long bytes) => [.. Residency.Victims(residents, bytes)!.Select(r => r.Name)];
    }

    [Fact]
    public void Rooms_follow_demand_and_never_hold_more_than_there_is()
    {
        var rng = new Rng(8);
        long[] least = [50, 50, 50], room = [400, 300, 300], held = [380, 10, 0];
        double[] demand = [10, 500, 90];
        for (int second = 0; second < 60; second++)
        {
            room = KeyValueRooms.Next(1000, [.. room.Select((r, i) => new KeyValueUse(least[i], r, held[i], demand[i]))]);
            Assert.True(room.Select((r, i) => Math.Max(r, held[i])).Sum() <= 1000, string.Join(' ', room));
            Assert.All(room.Zip(least), r => Assert.True(r.First >= r.Second));
            for (int i = 0; i < held.Length; i++) // sequences end, and others begin where there is room
                held[i] = rng.NextInt(3) == 0 ? Math.Min(room[i], held[i] + 40) : Math.Max(0, held[i] - 30);
        }
        long[] targets = KeyValueRooms.Targets(1000, [.. room.Select((r, i) => new KeyValueUse(least[i], r, held[i], demand[i]))]);
        Assert.Equal(50 + 850 * 500 / 600, targets[1]);
        Assert.All(room.Zip(targets), r => Assert.InRange(r.First, r.Second - 3, r.Second + 3));
        Assert.Equal([500L, 500L], KeyValueRooms.Targets(1000, [new KeyValueUse(0, 0, 0, 0), new KeyValueUse(0, 0, 0, 0)]));
    }

    [Fact]
    public void Replicas_go_by_demand_fit_into_memory_and_leave_no_module_out()
    {
        ModuleFootprint[] modules = [Footprint("a", 100), Footprint("b", 60), Footprint("c", 60)];
        IReadOnlyList<IReadOnlyList<int>> placed = ReplicaPlan.Place(modules, [8, 1, 1], 10, 160);
        Assert.All(placed, m => Assert.True(m.Sum(i => modules[i].WeightBytes) <= 160));
        Assert.Equal(8, placed.Count(m => m.Contains(0)));
        Assert.All([1, 2], i => Assert.Contains(placed, m => m.Contains(i)));
        Assert.All(ReplicaPlan.Place(modules, [0, 0, 0], 1, null), m => Assert.Equal([0, 1, 2], m));
        string message = Assert.Throws<CapacityException>(() => ReplicaPlan.Place(modules, [1, 1, 1], 1, 160)).Message;
        Assert.Contains("has no room on 1 machine", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(BottleneckKind.None, 0.3, 0, 0, 0.2, 0)]
    [InlineData(BottleneckKind.Processor, 0.97, 5, 0, 20, 900)]
    [InlineData(BottleneckKind.KeysAndValues, 0.5, 0, 0, 4, 900)]
    [InlineData(BottleneckKind.Sequences, 0.5, 0, 0, 4, 100)]
    [InlineData(BottleneckKind.Requests, 0.5, 7, 0, 0.5, 100)]
    [InlineData(BottleneckKind.Memory, 0.97, 5, 2, 20, 900)]
    public void The_bottleneck_is_named_with_its_numbers(BottleneckKind kind, double processor, double requests, double memory, double waiting, long held)
    {
        var load = new ServerLoad(processor, requests, memory, memory * 10, 10_000, 9000, 32,
            [new ModuleLoad("writer", 0.8 * processor, 0.5, 8, waiting, 1000, held, 5000, true, 3), new ModuleLoad("judge", 0.2 * processor, 0.5, 1, 0, 0, 0, 4000, true, 1)]);
        Bottleneck found = Bottleneck.Of(load);
        Assert.Equal(kind, found.Kind);
        if (kind is BottleneckKind.Processor or BottleneckKind.KeysAndValues or BottleneckKind.Sequences)
            Assert.Equal(("writer", true), (found.Module, found.Sentence.Contains("'writer'", StringComparison.Ordinal)));
        Assert.Matches("[0-9]", found.Sentence);
    }

    private static ModuleFootprint Footprint(string name, long bytes) => new(name, TaskKind.Classify, bytes, 0, 0, 1, true, new CostCurve([new CostPoint(1, 1)]), null);
}
