using System.Diagnostics;
using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Serving.Engine;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;

namespace Cleave.Serving.Allocation;

/// <summary>
/// Measures what modules take of this machine by the clock: through the engine and the threads that serve them, so that what they cost beside the
/// arithmetic is in it.
/// </summary>
/// <param name="runs">Of which the medians count.</param>
/// <param name="progress">Hears of each module, or null.</param>
public sealed class FootprintMeter(int runs = 5, IProgress<ProgressReport>? progress = null, CancellationToken cancel = default)
{
    private const int PromptTokens = 8, NewTokens = 24, TextWords = 16, WarmRuns = 2, MostRuns = 200;

    private static readonly int[] ReadTokens = [1, 8, 32, 64, 128, 256], Together = [1, 2, 4, 8, 16, 32];
    private static readonly string[] Words = "the order has not come yet and my parcel is late please say when it will be here".Split(' ');

    private readonly ComputeTurns _turns = new();
    private readonly TimeSpan _enough = TimeSpan.FromMilliseconds(4 * runs); // of one measurement, however short its runs are
    private int _done;

    /// <summary>Every module of a release, and the monolith.</summary>
    /// <param name="open">Opens the release; asked twice, because what is loaded first pays for the program's own start.</param>
    public IReadOnlyList<ModuleFootprint> Measure(Func<Release> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        string[] own;
        using (Release first = open())
        {
            own = [.. first.Modules];
            foreach (ITaskModule module in own.Select(t => first.Module(t).Module!).Concat(first.Tasks.Select(first.MonolithFor)))
                module.Predict([new Example { Text = Text(TextWords) }], cancel);
        }
        using Release release = open();
        var found = new List<ModuleFootprint>();
        foreach (string task in own)
        {
            found.Add(Measure(task, () => [release.Module(task).Module!]));
            Told(own.Length + 1);
        }
        found.Add(Measure(ReleaseWriter.MonolithFolder, () => [.. release.Tasks.Select(release.MonolithFor)]));
        Told(own.Length + 1);
        return found;
    }

    /// <summary>A single model that writes.</summary>
    public ModuleFootprint Measure(string name, Func<LanguageModel> load)
    {
        ArgumentNullException.ThrowIfNull(load);
        long start = Stopwatch.GetTimestamp();
        LanguageModel model = load();
        double loading = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        ModuleFootprint found = Writer(name, TaskKind.LanguageModel, model.Transformer, loading, model.Transformer.WeightBytes);
        Told(1);
        return found;
    }

    private void Told(int of) => progress?.Report(new ProgressReport("bench", ++_done, of, "modules"));

    // What answers for several tasks with one transformer is measured as what writes, where one of them does.
    private ModuleFootprint Measure(string name, Func<IReadOnlyList<ITaskModule>> load)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<ITaskModule> views = load();
        ITaskModule module = views.FirstOrDefault(v => IsWriter(v.Kind)) ?? views[0];
        module.Predict([new Example { Text = Text(TextWords) }], cancel);
        double loading = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        long beside = views.Sum(v => v is TransformerModule { Beside: { } ngrams } ? ngrams.WeightBytes : 0);
        if (module is TransformerModule transformer)
        {
            long bytes = transformer.Model.Transformer.WeightBytes + beside;
            if (IsWriter(module.Kind))
                return Writer(name, module.Kind, transformer.Model.Transformer, loading, bytes);
            return Judge(name, module, loading, bytes);
        }
        return Judge(name, module, loading, module.WeightBytes);
    }

    private static bool IsWriter(TaskKind kind) => kind is TaskKind.Generate or TaskKind.LanguageModel;

    private ModuleFootprint Judge(string name, ITaskModule module, double loading, long bytes)
    {
        var points = new List<CostPoint>();
        foreach ((int texts, int words) in Together.Select(t => (t, TextWords)).Prepend((1, TextWords / 4)))
        {
            cancel.ThrowIfCancellationRequested();
            string text = Text(words);
            Example[] items = [.. Enumerable.Repeat(new Example { Text = text }, texts)];
            int count = texts * ModuleTokens.Count(module, text);
            if (points.Count == 0 || count > points[^1].Count)
                points.Add(new CostPoint(count, Median(() => module.Predict(items, cancel))));
        }
        return new ModuleFootprint(name, module.Kind, bytes, 0, 0, loading, !ModuleRunners.IsLight(module), new CostCurve(points), null);
    }

    private ModuleFootprint Writer(string name, TaskKind kind, Transformer model, double loading, long bytes)
    {
        using var engine = new DecodingEngine(model, _turns, new ComputeShare(name), new EngineOptions { KnownPrefixes = 0 });
        Rng rng = Rng.For(1, "footprint");
        int context = model.Spec.ContextLength, most = Math.Min(NewTokens, context - PromptTokens);
        if (most < 2)
            throw new CapacityException($"{name}: a context of {context} tokens leaves no room to measure; {PromptTokens + 2} are needed");
        Ask(engine, rng, 1, PromptTokens, most, model); // compiles and fills caches
        CostPoint[] reading = [.. ReadTokens.Where(n => n < context).Select(n => new CostPoint(n, Median(() => Ask(engine, rng, 1, n, 1, model))))];
        CostPoint[] writing = [.. Together.Select(n => new CostPoint(n, Step(engine, rng, n, most, model)))];
        return new ModuleFootprint(name, kind, bytes, SequenceBatch.Bytes(model, 1), context, loading, true, new CostCurve(reading), new CostCurve(writing));
    }

    // What all tokens but the first take: the first one's step reads the prompts.
    private double Step(DecodingEngine engine, Rng rng, int sequences, int tokens, Transformer model)
    {
        cancel.ThrowIfCancellationRequested();
        double first = Median(() => Ask(engine, rng, sequences, PromptTokens, 1, model));
        double all = Median(() => Ask(engine, rng, sequences, PromptTokens, tokens, model));
        return Math.Max(1e-4, (all - first) / (tokens - 1));
    }

    private void Ask(DecodingEngine engine, Rng rng, int sequences, int prompt, int tokens, Transformer model)
    {
        SequenceRequest[] requests = [.. Enumerable.Range(0, sequences).Select(_ => new SequenceRequest
        {
            Prompt = [.. Enumerable.Range(0, prompt).Select(_ => rng.NextInt(model.Reader.Spec.VocabularySize))],
            Sampling = new SamplingOptions { MaxTokens = tokens },
            IsEnd = _ => false,
        })];
        if (sequences == 1)
        {
            engine.Run(requests[0], _ => true, cancel);
            return;
        }
        Thread[] threads = [.. requests.Select(r => new Thread(() => One(r)) { IsBackground = true })];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        cancel.ThrowIfCancellationRequested();

        void One(SequenceRequest request)
        {
            try
            {
                engine.Run(request, _ => true, cancel);
            }
            catch (OperationCanceledException)
            {
                // said by whoever waits for the threads
            }
        }
    }

    private double Median(Action action)
    {
        var times = new List<double>();
        long begun = Stopwatch.GetTimestamp();
        for (int warm = 0; warm < WarmRuns || (Stopwatch.GetElapsedTime(begun) < _enough && warm < MostRuns); warm++)
            action();
        begun = Stopwatch.GetTimestamp();
        while (times.Count < runs || (Stopwatch.GetElapsedTime(begun) < _enough && times.Count < MostRuns))
        {
            long start = Stopwatch.GetTimestamp();
            action();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        times.Sort();
        return Math.Max(1e-5, times[times.Count / 2]);
    }

    private static string Text(int words) => string.Join(' ', Enumerable.Range(0, words).Select(i => Words[i % Words.Length]));
}
