using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Compression.Pruning;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Kernels;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave prune</c>: a model with less in it.</summary>
internal static class PruneCommand
{
    private static readonly Option<string> Method = Choice("--method", "What goes: feed-forward neurons, key-value groups with their heads, whole layers, channels of the residual stream, "
        + "tokens that the calibration text does not use (all of these make the model smaller and faster), or single weights by magnitude, wanda or sparsegpt (which leaves zeros of the same size).",
        Enum.GetNames<PruningMethod>(), required: true);

    private static readonly Option<int?> Keep = new("--keep") { Description = "How many stay: neurons or key-value groups of a layer, layers, or channels.", HelpName = "N" };
    private static readonly Option<double?> Sparsity = new("--sparsity") { Description = "The share of single weights that go, such as 0.5.", HelpName = "X" };
    private static readonly Option<string?> Pattern = new("--pattern") { Description = "How many of how many neighbouring weights stay, such as 2:4.", HelpName = "N:M" };

    private static readonly Option<string> By = Choice("--by", "What decides which layers go: the loss without them, how little they change what passes them, or their position alone.", Enum.GetNames<LayerCriterion>());
    private static readonly Option<int> Heal = Whole("--heal", 0, "Updates of training on the calibration text afterwards (2,048 tokens each); 0 for none.");
    private static readonly Option<int> Rounds = Whole("--rounds", 1, "Steps in which the parts go, each followed by its share of --heal.");
    private static readonly Option<double> Rate = new("--learning-rate") { Description = "Of --heal.", HelpName = "X", DefaultValueFactory = _ => 3e-4 };

    public static Verb Create() => new Verb("prune", "Take neurons, heads, layers, channels, tokens or single weights away from a model, and heal what is left.")
    {
        CompressionVerb.Model, SharedOptions.Out, Method, Keep, Sparsity, Pattern, By, CompressionVerb.Calibration, CompressionVerb.CalibrationTokens, Heal, Rounds, Rate,
        CompressionVerb.Text, CompressionVerb.Check, SharedOptions.Seed, SharedOptions.Force, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave prune starter --out small --method layers --keep 3 --calibration task.txt --heal 200", "whole layers first: the most speed for a given loss of quality, with healing")
    .Example("cleave prune starter --out small --method neurons --keep 512 --calibration task.txt --text held-out.txt --check", "narrower networks, compared with the model before")
    .Example("cleave prune starter --out small --method vocabulary --calibration task.txt", "exact on that text; for tasks of few words")
    .Example("cleave prune starter --out sparse --method sparsegpt --pattern 2:4 --calibration task.txt", "single weights: for engines with sparse kernels; here it saves nothing")
    .Runs(Run);

    private static int Run(Call call)
    {
        string output = call.OutPath();
        if (output.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase))
            throw new CleaveException($"{output}: a pruned model is written as a folder; make a GGUF file of it with cleave convert or cleave quantize");
        PruningRequest request = Request(call);
        (LanguageModel source, LanguageModel copy, (string, long)? text) = CompressionVerb.Load(call);
        int[] tokens = CompressionVerb.CalibrationIds(call, source, request.NeedsText);
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment());
        long started = Stopwatch.GetTimestamp();
        PruningOutcome outcome;
        using (ProgressLine progress = call.Progress())
            outcome = new PruningJob(request, progress, call.Cancel).Run(copy, tokens);
        bool half = source.Transformer.Weights().Any(w => w.Weight is HalfLinear { Weight.Format: HalfFormat.BFloat16 });
        AtomicFolder.Create(output, folder => ModelFolder.Save(folder, outcome.Model, half ? WeightType.BF16 : WeightType.F32), call.Force);
        List<(string, object)> notes = request.Pattern is null ? [] : [("zeros", Math.Round(outcome.Zeros, 6))];
        if (outcome.Note is not null)
            notes.Add(("note", outcome.Note));
        return CompressionVerb.Report(call, Describe(request), output, call.Get(CompressionVerb.Model), source, text, started, meter, [.. notes]);
    }

    private static PruningRequest Request(Call call)
    {
        var method = Enum.Parse<PruningMethod>(call.Get(Method), ignoreCase: true);
        bool weights = method is PruningMethod.Magnitude or PruningMethod.Wanda or PruningMethod.SparseGpt;
        if (call.Get(Sparsity) is not null && call.Get(Pattern) is not null)
            throw new CleaveException("--sparsity and --pattern say two different things; give one");
        if (!weights && (call.Get(Sparsity) is not null || call.Get(Pattern) is not null))
            throw new CleaveException($"--sparsity and --pattern are for single weights; say how many {call.Get(Method)} stay with --keep");
        if (weights == call.Get(Keep) is not null && method != PruningMethod.Vocabulary)
            throw new CleaveException(weights ? "--keep is for whole parts; say how many weights go with --sparsity" : $"--keep is missing: say how many {call.Get(Method)} stay");
        if (call.Given(By) && method != PruningMethod.Layers)
            throw new CleaveException("--by is for --method layers");
        if (call.Given(CompressionVerb.CalibrationTokens) && method == PruningMethod.Vocabulary)
            throw new CleaveException("--calibration-tokens is for methods that measure; --method vocabulary keeps the tokens of the whole text");
        if (call.Given(Rate) && call.Get(Heal) == 0)
            throw new CleaveException("--learning-rate is for --heal");
        if (call.Get(Heal) < 0 || !(call.Get(Rate) > 0))
            throw new CleaveException("--heal and --learning-rate must not be negative");
        return new PruningRequest(method)
        {
            Pattern = call.Get(Pattern) is { } pattern ? SparsityPattern.Parse(pattern) : call.Get(Sparsity) is { } share ? new SparsityPattern(share) : null,
            Keep = call.Get(Keep) ?? 0,
            By = Enum.Parse<LayerCriterion>(call.Get(By), ignoreCase: true),
            CalibrationTokens = call.Positive(CompressionVerb.CalibrationTokens),
            Heal = call.Get(Heal),
            Rounds = call.Positive(Rounds),
            LearningRate = call.Get(Rate),
            Seed = call.Seed,
        };
    }

    private static string Describe(PruningRequest r) => r.Method.ToString().ToLowerInvariant() + (r.Pattern is { } p ? $" {p}" : r.Keep > 0 ? $" {r.Keep}" : "")
        + (r.Method == PruningMethod.Layers ? $" by {r.By.ToString().ToLowerInvariant()}" : "")
        + (r.Heal > 0 ? string.Create(CultureInfo.InvariantCulture, $", {r.Heal} updates in {r.Rounds} rounds") : "");

    /// <summary>An option with one of some names, of which the first is usual unless one is required.</summary>
    internal static Option<string> Choice(string name, string description, string[] names, bool required = false)
    {
        string[] choices = [.. names.Select(n => n.ToLowerInvariant())];
        var option = new Option<string>(name) { Description = $"{description} One of {string.Join(", ", choices)}.", HelpName = "NAME", Required = required };
        if (!required)
            option.DefaultValueFactory = _ => choices[0];
        option.AcceptOnlyFromAmong(choices);
        return option;
    }

    internal static Option<int> Whole(string name, int value, string description) => new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
}
