using Cleave.Data;
using Cleave.Serving.Allocation;
using Cleave.Serving.Simulation;

namespace Cleave.Tests.Serving.Simulation;

[Trait("Kernels", "unused")]
public sealed class FleetSimulationTests
{
    // A judge of 1 ms a token, alone or together; a writer of 10 ms a step however many write.
    private static readonly ModuleFootprint Judge = new("judge", TaskKind.Classify, 100, 0, 0, 500, true, new CostCurve([new(1, 1), new(1000, 1000)]), null);
    private static readonly ModuleFootprint Writer = new("writer", TaskKind.Generate, 100, 64, 1000, 500, true, new CostCurve([new(1, 10), new(1000, 10)]), new CostCurve([new(1, 10), new(32, 10)]));
    private static readonly ModuleFootprint Light = Judge with { Name = "light", TakesTurns = false };
    private static readonly Footprints All = new(new FootprintMachine("p", 2, "Avx2"), "", 0.5, [Judge, Writer, Light]);

    private static TrafficTrace Trace(params (double Time, string Module, int Prompt, int Made)[] requests)
    {
        string[] names = [.. requests.Select(r => r.Module).Distinct()];
        return new TrafficTrace(names, [.. requests.Select(r => new TracedRequest(r.Time, Array.IndexOf(names, r.Module), r.Prompt, r.Made))]);
    }

    private static TrafficTrace Made(int requests, double rate, params TrafficPart[] mix) => new TrafficPattern(TrafficShape.Poisson, rate, mix).Generate(requests, 11);

    [Fact]
    public void A_request_alone_takes_what_its_footprint_says()
    {
        SimulatedTimes judged = FleetSimulation.Run(All, Trace((3, "judge", 20, 1)), new FleetOptions { NetworkMilliseconds = 2 }).All;
        Assert.Equal(20 + 0.5 + 2, judged.P50, 3);
        FleetResult written = FleetSimulation.Run(All, Trace((0, "writer", 24, 5)), new FleetOptions());
        Assert.Equal(60.5, written.All.P50, 3); // six steps: the last one's token ends it
        Assert.Equal(10.5, written.All.FirstTokenP50, 3);
        Assert.Equal(1, written.Processor, 6);
    }

    [Fact]
    public void Writers_share_steps_texts_share_passes_and_modules_take_turns()
    {
        FleetResult together = FleetSimulation.Run(All, Trace((0, "writer", 2, 9), (0, "writer", 2, 9), (0.001, "writer", 2, 9)), new FleetOptions());
        Assert.Equal(0.11, together.Seconds, 6); // ten steps, and one more for who came later
        // The first is asked alone, the two others together after it: 10 and 20 ms.
        FleetResult judged = FleetSimulation.Run(All, Trace((0, "judge", 10, 1), (0.001, "judge", 10, 1), (0.002, "judge", 10, 1)), new FleetOptions());
        Assert.Equal((28.5, 0.03), (judged.All.P50, judged.Seconds));
        FleetResult turns = FleetSimulation.Run(All, Trace((0, "writer", 2, 9), (0, "judge", 50, 1)), new FleetOptions());
        Assert.Equal(60.5, turns.Modules[1].P50, 3); // behind one step
        Assert.Equal(150.5, turns.Modules[0].P50, 3);
        FleetResult beside = FleetSimulation.Run(All, Trace((0, "writer", 2, 9), (0, "light", 50, 1)), new FleetOptions());
        Assert.Equal((100.5, 50.5), (beside.Modules[0].P50, beside.Modules[1].P50));
    }

    [Fact]
    public void Work_is_neither_lost_nor_made_and_the_same_seed_gives_the_same()
    {
        TrafficTrace trace = Made(20_000, 60, new TrafficPart("judge", 1, 10, 1));
        FleetResult once = FleetSimulation.Run(All, trace, new FleetOptions { Waiting = 10_000 });
        Assert.Equal(trace.Requests.Sum(r => r.PromptTokens) / 1000.0 / once.Seconds, once.Processor, 6);
        Assert.Equal((20_000, 0), (once.All.Requests, once.All.Refused));
        FleetResult again = FleetSimulation.Run(All, trace, new FleetOptions { Waiting = 10_000 });
        Assert.Equal(once.All, again.All);
        FleetResult two = FleetSimulation.Run(All, trace, new FleetOptions { Waiting = 10_000, Machines = 2 });
        Assert.Equal(once.Processor / 2, two.Processor, 3);
        Assert.True(two.All.P95 < once.All.P95);
    }

    [Fact]
    public void A_flood_of_one_module_neither_starves_another_nor_goes_unnamed()
    {
        TrafficTrace flood = Made(20_000, 400, new TrafficPart("judge", 99, 20, 1), new TrafficPart("writer", 1, 20, 10));
        FleetResult fair = FleetSimulation.Run(All, flood, new FleetOptions { Waiting = 64 });
        Assert.Equal((BottleneckKind.Processor, "judge"), (fair.Bottleneck.Kind, fair.Bottleneck.Module));
        Assert.True(fair.All.Refused > 10_000);
        Assert.True(fair.Modules.Single(m => m.Module == "writer").Requests > 0);
        // Both always have work: passes of 32 texts take 640 ms, and between two of them the writer has as long, or with 80% of the time four times as long.
        TrafficTrace both = Made(20_000, 400, new TrafficPart("judge", 9, 20, 1), new TrafficPart("writer", 1, 20, 10));
        var endless = new FleetOptions { Waiting = 100_000, Workers = 100_000 };
        SimulatedTimes plain = Times(endless), kept = Times(endless with { MinimumShares = new Dictionary<string, double> { ["writer"] = 0.8 } });
        Assert.Equal(0, plain.Refused + kept.Refused);
        Assert.True(kept.P50 < 0.7 * plain.P50, $"{kept.P50} of {plain.P50} ms");
        Assert.True(plain.P99 < 2500, $"{plain.P99} ms"); // a few passes, though thousands of texts wait

        SimulatedTimes Times(FleetOptions options) => FleetSimulation.Run(All, both, options).Modules.Single(m => m.Module == "writer");
    }

    [Fact]
    public void Modules_that_do_not_fit_together_take_turns_in_memory_and_that_is_named()
    {
        TrafficTrace trace = Made(2000, 5, new TrafficPart("judge", 1, 10, 1), new TrafficPart("light", 1, 10, 1));
        FleetResult enough = FleetSimulation.Run(All, trace, new FleetOptions { MemoryBytes = 1000 });
        Assert.Equal((0L, BottleneckKind.None), (enough.Reloads, enough.Bottleneck.Kind));
        FleetResult tight = FleetSimulation.Run(All, trace, new FleetOptions { MemoryBytes = 150, Waiting = 10_000, Workers = 10_000 });
        Assert.Equal((2000, BottleneckKind.Memory), (tight.All.Requests, tight.Bottleneck.Kind));
        Assert.True(tight.Reloads > 100 && tight.All.P95 > enough.All.P95, $"{tight.Reloads} loads, {tight.All.P95} ms");
        Assert.Throws<CapacityException>(() => FleetSimulation.Run(All, trace, new FleetOptions { MemoryBytes = 90 }));
    }

    [Fact]
    public void Keys_and_values_have_room_and_what_never_fits_is_refused()
    {
        // An eighth of the memory: 4 sequences of one page each.
        var options = new FleetOptions { MemoryBytes = 4 * 64 * 8 };
        FleetResult full = FleetSimulation.Run(All, Trace([.. Enumerable.Range(0, 12).Select(i => (0.0, "writer", 2, 9))]), options);
        Assert.Equal(0.31, full.Seconds, 6); // three times ten steps; the first begins one before the others
        Assert.Equal(1, FleetSimulation.Run(All, Trace((0, "writer", 300, 2)), options).All.Refused);
    }

    [Fact]
    public void The_smallest_fleet_meets_the_target_and_one_machine_less_does_not()
    {
        TrafficTrace trace = Made(6000, 300, new TrafficPart("judge", 1, 20, 1));
        var options = new FleetOptions { TargetMilliseconds = 60 };
        FleetResult found = FleetSearch.Smallest(All, trace, options, 100);
        Assert.Equal((true, true), (found.MeetsTarget, found.IsComplete));
        Assert.InRange(found.Options.Machines, 7, 20); // six machines would compute all the time
        Assert.True(found.All.P95 <= 60);
        Assert.False(FleetSimulation.Run(All, trace, options with { Machines = found.Options.Machines - 1 }).MeetsTarget);
        FleetResult none = FleetSearch.Smallest(All, trace, options, 2);
        Assert.Equal((false, 2), (none.MeetsTarget, none.Options.Machines));
        Assert.Equal(24 * 0.5 * 2, (none with { Options = none.Options with { PricePerHour = 0.5 } }).CostPerDay, 9);
    }

    [Fact]
    public void Modules_by_demand_are_asked_where_they_are_and_cores_make_servers()
    {
        TrafficTrace trace = Made(4000, 100, new TrafficPart("judge", 3, 20, 1), new TrafficPart("writer", 1, 20, 10));
        FleetResult dealt = FleetSimulation.Run(All, trace, new FleetOptions { Machines = 8, ByModule = true, Waiting = 1000 });
        Assert.Equal(4000, dealt.All.Requests);
        Assert.InRange(dealt.Modules.Sum(m => m.Replicas), 8, 10);
        TrafficTrace judged = Made(4000, 100, new TrafficPart("judge", 1, 20, 1));
        FleetResult cores = FleetSimulation.Run(All, judged, new FleetOptions { Machines = 1, Cores = 8, Waiting = 1000 }), machines = FleetSimulation.Run(All, judged, new FleetOptions { Machines = 4, Waiting = 1000 });
        Assert.Equal(machines.All with { Replicas = 1 }, cores.All);
        Assert.Contains("machines of 1 cores", Assert.Throws<CleaveException>(() => FleetSimulation.Run(All, judged, new FleetOptions { Cores = 1 })).Message, StringComparison.Ordinal);
    }
}
