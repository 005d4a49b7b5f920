using System.CommandLine;
using System.Text;
using System.Text.Json;
using Cleave.Cli.Measure;
using Cleave.Cli.Shell;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Threading;
using Cleave.Serving;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave bench serving</c>: how fast a release's modules, or a model, answer several requests at a time.</summary>
internal static class BenchServingCommand
{
    private const int MostTexts = 100_000;

    // Plain words, so that every tokenizer and router has something to read.
    private static readonly string[] Words =
        "the order has not come yet and my parcel is late please say when it will be here I want to pay with another card or send back what was broken thank you for your quick help".Split(' ');

    private static readonly Argument<string> Target = new("RELEASE|MODEL") { Description = "A release's folder, or a model's folder, .gguf file, or 'starter'." };
    private static readonly Option<int> Concurrency = Whole("--concurrency", 8, "Requests at a time.");
    private static readonly Option<int> Requests = Whole("--requests", 100, "Requests in all, to the modules in turn.");
    private static readonly Option<int> Prompt = Whole("--prompt", 32, "Words of each text, where no texts are given.");
    private static readonly Option<int> Generate = Whole("--generate", 32, "Most tokens of an answer that is written.");
    private static readonly Option<string[]> Modules = new("--module") { Description = "Ask this module, or 'auto'; several times for several. All of them unless given.", HelpName = "NAME" };
    private static readonly Option<bool> Monolith = new("--monolith") { Description = "Let a release's monolith answer for every task, as before the split." };
    private static readonly Option<string?> Texts = new("--text") { Description = "A UTF-8 text file; each line is a request.", HelpName = "FILE" };

    public static Verb Create() => new Verb("serving", "Time how fast a release's modules, or a model, answer several requests at a time, without HTTP.")
    {
        Target, Concurrency, Requests, Prompt, Generate, Modules, Monolith, Texts, SharedOptions.Threads, SharedOptions.Seed, SharedOptions.Json,
    }
    .Example("cleave bench serving starter --concurrency 8 --requests 64", "the shipped model, eight requests at a time")
    .Example("cleave bench serving samples/support-desk/release --module auto --text questions.txt --json", "a release behind its router, as JSON")
    .Example("cleave bench serving samples/support-desk/release --monolith", "the whole model on the same requests")
    .Runs(Run);

    private static int Run(Call call)
    {
        int concurrency = call.Positive(Concurrency), count = call.Positive(Requests), words = call.Positive(Prompt), most = call.Positive(Generate);
        string target = call.Get(Target);
        bool monolith = call.Get(Monolith);
        using Release? release = Release.IsRelease(target) ? Release.Open(target, monolith) : null;
        if (monolith && release is null)
            throw new CleaveException($"--monolith is for a release, and {target} is a single model");
        IModuleHost host = release is not null ? new ReleaseHost(release, DateTimeOffset.UnixEpoch)
            : new LanguageModelHost(ModelArgument.Load(call, target), "model", DateTimeOffset.UnixEpoch);
        using var owned = (IDisposable)host;
        string[] modules = call.Get(Modules) is { Length: > 0 } named ? named : [.. host.Modules.Select(m => m.Name)];
        ModuleRequest[] requests = [.. Drawn(call, count, words).Select((text, i) => new ModuleRequest { Module = modules[i % modules.Length], Prompt = text, MaxTokens = most })];
        ServingSpeed speed;
        using (ProgressLine progress = call.Progress())
            speed = ServingSpeed.Measure(host, [.. requests.DistinctBy(r => r.Module)], requests, concurrency, progress, call.Cancel);
        if (call.Json)
            WriteJson(call, speed, target, concurrency);
        else
            WriteText(call, speed);
        return Exit.Done;
    }

    private static IEnumerable<string> Drawn(Call call, int count, int words)
    {
        if (call.Get(Texts) is { } file)
        {
            string[] lines = Lines(file);
            return Enumerable.Range(0, count).Select(i => lines[i % lines.Length]);
        }
        Rng rng = Rng.For(call.Seed, "bench");
        return [.. Enumerable.Range(0, count).Select(_ => string.Join(' ', Enumerable.Range(0, words).Select(_ => Words[rng.NextInt(Words.Length)])))];
    }

    private static string[] Lines(string path)
    {
        try
        {
            string[] lines = [.. File.ReadLines(path, new UTF8Encoding(false, throwOnInvalidBytes: true)).Where(l => l.Length > 0).Take(MostTexts)];
            return lines.Length > 0 ? lines : throw new DataFileException(path, "the file has no line with a text");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new DataFileException(path, $"cannot be read: {error.Message}");
        }
    }

    private static void WriteText(Call call, ServingSpeed speed)
    {
        var table = new TextTable("module", "requests", "requests/s", "tokens/s", "p50", "p95", "p99", "first token p50", "p95", "energy each");
        foreach ((string name, IReadOnlyList<RequestTime> part) in Parts(speed))
        {
            string Time(double share, Func<RequestTime, TimeSpan> time) => $"{ServingSpeed.Percentile(part.Select(r => time(r).TotalMilliseconds), share):0.0} ms";
            table.Row(name, $"{part.Count}", Format.Count(part.Count / speed.Elapsed.TotalSeconds), Format.Count(part.Sum(r => r.CompletionTokens) / speed.Elapsed.TotalSeconds),
                Time(0.5, r => r.Whole), Time(0.95, r => r.Whole), Time(0.99, r => r.Whole), Time(0.5, r => r.First), Time(0.95, r => r.First),
                EnergyUse.Sum(part.Select(r => r.Energy)).Each(part.Count).ToString());
        }
        table.Write(call.Out);
    }

    private static void WriteJson(Call call, ServingSpeed speed, string target, int concurrency) => call.WriteJson(w =>
    {
        w.WriteStartObject();
        w.WriteString("target", target);
        w.WriteBoolean("monolith", call.Get(Monolith));
        w.WriteNumber("threads", ThreadTeam.Shared.Threads);
        w.WriteNumber("concurrency", concurrency);
        w.WriteNumber("elapsed_s", Math.Round(speed.Elapsed.TotalSeconds, 6));
        w.WriteStartArray("modules");
        foreach ((string name, IReadOnlyList<RequestTime> part) in Parts(speed))
        {
            w.WriteStartObject();
            w.WriteString("module", name);
            w.WriteNumber("requests", part.Count);
            w.WriteNumber("requests_per_s", Math.Round(part.Count / speed.Elapsed.TotalSeconds, 3));
            w.WriteNumber("prompt_tokens_per_s", Math.Round(part.Sum(r => r.PromptTokens) / speed.Elapsed.TotalSeconds, 2));
            w.WriteNumber("completion_tokens_per_s", Math.Round(part.Sum(r => r.CompletionTokens) / speed.Elapsed.TotalSeconds, 2));
            WriteTimes(w, "latency_ms", part.Select(r => r.Whole.TotalMilliseconds));
            WriteTimes(w, "first_token_ms", part.Select(r => r.First.TotalMilliseconds));
            EnergyUse each = EnergyUse.Sum(part.Select(r => r.Energy)).Each(part.Count);
            w.WriteNumber("joules_per_request", Math.Round(each.Joules, 6));
            w.WriteString("energy", each.Method);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    });

    private static void WriteTimes(Utf8JsonWriter w, string name, IEnumerable<double> times)
    {
        double[] all = [.. times];
        w.WriteStartObject(name);
        foreach ((string label, double part) in new[] { ("p50", 0.5), ("p95", 0.95), ("p99", 0.99) })
            w.WriteNumber(label, Math.Round(ServingSpeed.Percentile(all, part), 3));
        w.WriteEndObject();
    }

    // Each module, and all of them together where there are several.
    private static IEnumerable<(string Name, IReadOnlyList<RequestTime> Requests)> Parts(ServingSpeed speed)
    {
        (string, IReadOnlyList<RequestTime>)[] each = [.. speed.Requests.GroupBy(r => r.Module, StringComparer.Ordinal).Select(g => (g.Key, (IReadOnlyList<RequestTime>)[.. g]))];
        return each.Length == 1 ? each : each.Append(("all", speed.Requests));
    }

    private static Option<int> Whole(string name, int value, string description) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
}
