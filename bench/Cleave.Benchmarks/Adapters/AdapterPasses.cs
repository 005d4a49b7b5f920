using System.Diagnostics;
using System.Text.Json.Nodes;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Cleave.Serving.Engine;
using Cleave.Training.Adapters;

namespace Cleave.Benchmarks.Adapters;

/// <summary>Eight answers at once on one model: without adapters, each with an adapter of its own in one pass, and each of a model that has its adapter alone, in turns.</summary>
internal static class AdapterPasses
{
    private const int Answers = 8, PromptTokens = 32, Tokens = 96, Rounds = 5;

    /// <summary>adapters MODEL [RANK 16]: JSON lines of generated tokens a second, medians of rounds in turn.</summary>
    public static int Run(string[] args)
    {
        if (args is not [var folder, .. var rest] || rest.Length > 1)
        {
            Console.Error.WriteLine("usage: adapters MODEL [RANK]");
            return 2;
        }
        int rank = rest.Length > 0 ? int.Parse(rest[0]) : 16;
        string work = Directory.CreateTempSubdirectory("cleave-adapters").FullName;
        try
        {
            (string Name, string Folder)[] adapters = [.. Enumerable.Range(0, Answers).Select(i => (i.ToString(), Write(folder, Path.Combine(work, i.ToString()), rank, (ulong)i)))];
            var turns = new ComputeTurns();
            using var plain = new DecodingEngine(ModelFolder.LoadFrozen(folder).Transformer, turns, new ComputeShare("plain"));
            Transformer shared = ModelFolder.LoadFrozen(folder).Transformer;
            AdapterBank bank = AdapterBank.Load(shared, adapters);
            using var together = new DecodingEngine(shared, turns, new ComputeShare("together"), adapters: bank);
            DecodingEngine[] alone = [.. adapters.Select(a =>
            {
                Transformer own = ModelFolder.LoadFrozen(folder).Transformer;
                AdapterBank one = AdapterBank.Load(own, [a]);
                return new DecodingEngine(own, turns, new ComputeShare(a.Name), adapters: one);
            })];
            (string Name, Func<int, (DecodingEngine, int)> Of)[] ways =
                [("no adapters", _ => (plain, AdapterBank.None)), ($"{Answers} adapters, one pass", i => (together, i)), ($"{Answers} adapters, in turns", i => (alone[i], 0))];
            var speeds = new List<double>[ways.Length];
            for (int round = 0; round <= Rounds; round++)
            {
                for (int w = 0; w < ways.Length; w++)
                {
                    double speed = Speed(ways[w].Of);
                    if (round > 0)
                        (speeds[w] ??= []).Add(speed);
                }
            }
            for (int w = 0; w < ways.Length; w++)
                Console.WriteLine(new JsonObject { ["way"] = ways[w].Name, ["rank"] = rank, ["tokens_per_s"] = Math.Round(speeds[w].Order().ElementAt(Rounds / 2), 1), ["adapter_bytes"] = bank.Bytes }.ToJsonString());
            Array.ForEach(alone, e => e.Dispose());
            return 0;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string Write(string model, string folder, int rank, ulong seed)
    {
        Adapter adapter = Adapter.Attach(ModelFolder.LoadFrozen(model).Transformer, new AdapterOptions(AdapterKind.Lora) { Rank = rank, Targets = [AdapterOptions.AllLinear] }, new Rng(seed));
        var rng = new Rng(seed + 100);
        foreach ((_, Tensor tensor) in adapter.Parameters)
        {
            foreach (ref float w in tensor.Data)
                w += (float)(rng.NextGaussian() * 0.01);
        }
        AdapterFolder.Save(folder, adapter, null);
        return folder;
    }

    private static double Speed(Func<int, (DecodingEngine Engine, int Adapter)> of)
    {
        long start = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, Answers).Select(i => new Thread(() =>
        {
            (DecodingEngine engine, int adapter) = of(i);
            engine.Run(new SequenceRequest { Prompt = [.. Enumerable.Range(1 + i, PromptTokens)], Adapter = adapter, Sampling = new SamplingOptions { MaxTokens = Tokens }, IsEnd = _ => false }, _ => true);
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        return Answers * Tokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
