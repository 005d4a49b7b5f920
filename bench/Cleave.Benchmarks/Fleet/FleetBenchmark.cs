using System.Diagnostics;
using System.Text.Json.Nodes;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Benchmarks.Fleet;

/// <summary>Shared studies: operations a second, the time to open a long study, and a fleet with failures in virtual time, as JSON lines.</summary>
internal static class FleetBenchmark
{
    private const string Usage = "fleet operations|open ADDRESS [WORKERS|TRIALS] or fleet simulate [SEED]";

    private static readonly StudyDefinition Definition = new("fleet",
        new SearchSpace([new FloatParameter("lr", 1e-5, 1e-1, log: true), new IntParameter("layers", 1, 12), new CategoricalParameter("kind", ["adamw", "sgd"])]), seed: 1);

    /// <summary>See <see cref="Usage"/>.</summary>
    public static int Run(string[] args)
    {
        JsonObject? result = args switch
        {
            ["operations", var address, .. var rest] => Operations(address, rest.Length > 0 ? int.Parse(rest[0]) : 32),
            ["open", var address, .. var rest] => Open(address, rest.Length > 0 ? int.Parse(rest[0]) : 10_000),
            ["simulate", .. var rest] => Simulate(rest.Length > 0 ? ulong.Parse(rest[0]) : 1),
            _ => null,
        };
        if (result is null)
        {
            Console.Error.WriteLine("usage: " + Usage);
            return 2;
        }
        Console.WriteLine(result.ToJsonString());
        return 0;
    }

    /// <summary>Each worker is a thread with an opening of its own: it asks, reports twice, renews and tells, with nothing between.</summary>
    private static JsonObject Operations(string address, int workers)
    {
        const int Seconds = 10, PerTrial = 6; // claim, parameters, two reports, renewal, end
        using IStudyCatalog catalog = Fresh(address);
        using var ready = new Barrier(workers + 1);
        long end = long.MaxValue;
        int trials = 0;
        Thread[] threads = [.. Enumerable.Range(0, workers).Select(w => new Thread(() =>
        {
            using IStudyStorage storage = catalog.Open(Definition.Name);
            var study = new Study(storage, new RandomSampler()) { Worker = $"worker {w}" };
            ready.SignalAndWait();
            ready.SignalAndWait();
            while (Stopwatch.GetTimestamp() < Volatile.Read(ref end))
            {
                TrialRun run = study.Ask()!;
                study.Report(run, 0, 1);
                study.Renew(run);
                study.Report(run, 1, 2, "checkpoint");
                study.Tell(run, run.Number);
                Interlocked.Increment(ref trials);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        ready.SignalAndWait();
        var clock = Stopwatch.StartNew();
        Volatile.Write(ref end, Stopwatch.GetTimestamp() + Seconds * Stopwatch.Frequency);
        ready.SignalAndWait();
        foreach (Thread thread in threads)
            thread.Join();
        double seconds = clock.Elapsed.TotalSeconds;
        using IStudyStorage all = catalog.Open(Definition.Name);
        if (all.Trials.Count != trials || all.Trials.Any(t => t.State != TrialState.Complete || t.Attempt != 1 || t.Values[0] != t.Number))
            throw new InvalidOperationException("trials were lost or done twice");
        return new JsonObject { ["workers"] = workers, ["trials"] = trials, ["operations_per_s"] = Math.Round(trials * PerTrial / seconds) };
    }

    private static JsonObject Open(string address, int trials)
    {
        using IStudyCatalog catalog = Fresh(address);
        using (IStudyStorage storage = catalog.Open(Definition.Name))
        {
            var sampler = new RandomSampler();
            while (storage.Claim("", trials) is { } lease)
            {
                storage.SetParameters(lease, sampler.Suggest(new SamplerInput(Definition, lease.Trial, []))!);
                storage.Report(lease, 0, 1);
                storage.Finish(lease, lease.Trial);
            }
        }
        double[] seconds = [.. Enumerable.Range(0, 6).Select(_ =>
        {
            var clock = Stopwatch.StartNew();
            using IStudyStorage storage = catalog.Open(Definition.Name);
            return storage.Trials.Count == trials ? clock.Elapsed.TotalSeconds : throw new InvalidOperationException("trials were lost");
        })];
        return new JsonObject { ["trials"] = trials, ["first_open_s"] = Math.Round(seconds[0], 3), ["median_open_s"] = Math.Round(seconds[1..].Order().ElementAt(2), 3) };
    }

    private static JsonObject Simulate(ulong seed)
    {
        FleetConditions conditions = FleetConditions.Usual;
        FleetResult result = new FleetSimulation(conditions, seed).Run(clock => new MemoryStudyStorage(Definition, conditions.Lease, clock));
        return new JsonObject
        {
            ["workers"] = conditions.Workers,
            ["hours"] = conditions.Duration.TotalHours,
            ["complete"] = result.Complete,
            ["kills"] = result.Kills,
            ["stops"] = result.Stops,
            ["takeovers"] = result.Takeovers,
            ["refused_writes"] = result.Refusals,
            ["utilisation"] = Math.Round(result.Useful, 4),
            ["utilisation_of_present"] = Math.Round(result.UsefulOfPresent, 4),
        };
    }

    private static IStudyCatalog Fresh(string address)
    {
        IStudyCatalog catalog = StudyCatalogs.Open(address, new StorageOptions());
        catalog.Delete(Definition.Name);
        catalog.Create(Definition).Dispose();
        return catalog;
    }
}
