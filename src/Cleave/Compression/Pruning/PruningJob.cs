using Cleave.Compression.Calibration;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;

namespace Cleave.Compression.Pruning;

/// <summary>What is taken away.</summary>
public enum PruningMethod
{
    /// <summary>Single weights: <see cref="WeightCriterion"/>.</summary>
    Magnitude, Wanda, SparseGpt,

    /// <summary>Feed-forward neurons, key-value groups with their query heads, whole layers, channels of the residual stream, tokens.</summary>
    Neurons, Heads, Layers, Width, Vocabulary,
}

/// <summary>How much is taken away, and how.</summary>
public sealed record PruningRequest(PruningMethod Method)
{
    /// <summary>Of single weights.</summary>
    public SparsityPattern? Pattern { get; init; }

    /// <summary>How many of the others stay, in each layer where a layer has several.</summary>
    public int Keep { get; init; }

    public LayerCriterion By { get; init; }

    /// <summary>Tokens of the text to measure on.</summary>
    public int CalibrationTokens { get; init; } = 32_768;

    /// <summary>Updates of training afterwards, over all rounds; 0 for none.</summary>
    public int Heal { get; init; }

    public double LearningRate { get; init; } = 3e-4;

    /// <summary>In how many steps, each followed by its part of the training.</summary>
    public int Rounds { get; init; } = 1;

    public ulong Seed { get; init; } = 7;

    internal bool OfWeights => Method is PruningMethod.Magnitude or PruningMethod.Wanda or PruningMethod.SparseGpt;

    /// <summary>Whether the text is looked at.</summary>
    public bool NeedsText => Method != PruningMethod.Magnitude || Heal > 0;
}

/// <summary>A pruned model, and what is to be said about it.</summary>
/// <param name="Zeros">The share of zeros among the layers' weights.</param>
/// <param name="Note">What the method has not bought, or a figure of its own; null for nothing.</param>
public sealed record PruningOutcome(LanguageModel Model, double Zeros, string? Note);

/// <summary>Takes parts away from a model, at once or in rounds with training between them.</summary>
public sealed class PruningJob(PruningRequest request, IProgress<ProgressReport>? progress, CancellationToken cancel)
{
    private const int Context = 256;
    private string? _note;

    /// <param name="model">Of float32 matrices; changed.</param>
    /// <param name="tokens">The text to measure and to train on.</param>
    /// <exception cref="CleaveException">What is asked for cannot be done to this model, or the text is too short.</exception>
    public PruningOutcome Run(LanguageModel model, int[] tokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokens);
        Check(model);
        CalibrationText? text = !request.NeedsText || request.Method == PruningMethod.Vocabulary ? null
            : new CalibrationText(tokens, Math.Min(Context, model.Transformer.Spec.ContextLength), request.CalibrationTokens, Widest(model.Transformer));
        int before = Parts(model.Transformer.Spec);
        for (int round = 1; round <= request.Rounds; round++)
        {
            model = Step(model, tokens, text, (double)round / request.Rounds, before);
            int updates = request.Heal * round / request.Rounds - request.Heal * (round - 1) / request.Rounds;
            if (updates > 0)
            {
                Healing.Run(model.Transformer, new HealingOptions(tokens, updates, request.LearningRate, request.Seed + (ulong)round), request.OfWeights, progress, cancel);
            }
        }
        double zeros = WeightPruner.Zeros(model.Transformer);
        return new PruningOutcome(model, zeros, request.OfWeights ? "the zeros are stored like other weights: this saves neither bytes nor time" : _note);
    }

    private LanguageModel Step(LanguageModel model, int[] tokens, CalibrationText? text, double part, int before)
    {
        Transformer trunk = model.Transformer;
        int keep = request.OfWeights ? 0 : before - (int)Math.Round((before - request.Keep) * part);
        switch (request.Method)
        {
            case PruningMethod.Neurons or PruningMethod.Heads:
                LayerSpec first = trunk.Spec.Layers[0];
                var importance = Importance.Measure(trunk, text!.Windows, causal: true);
                var plan = new PruningPlan(trunk.Layers.Count, request.Method == PruningMethod.Heads ? keep : first.KeyValueHeads,
                    request.Method == PruningMethod.Neurons ? keep : first.FeedForwardWidth);
                return model with { Transformer = StructuredPruner.Prune(trunk, importance, plan) };
            case PruningMethod.Layers:
                int[] layers = LayerPruner.Choose(trunk, keep, request.By, text!, progress, cancel);
                _note = $"layers kept: {string.Join(", ", layers)} of {trunk.Layers.Count}";
                return model with { Transformer = trunk.WithLayers(layers) };
            case PruningMethod.Width:
                (Transformer narrow, double energy) = WidthPruner.Prune(trunk, keep, text!, progress, cancel);
                _note = $"{100 * energy:0.0}% of the stream's energy kept"
                    + (trunk.Spec.TiedEmbeddings ? "; the table of tokens and the projection to the vocabulary, one matrix before, are two" : "");
                return model with { Transformer = narrow };
            case PruningMethod.Vocabulary:
                return VocabularyPruner.Prune(model, tokens);
            default:
                // Many weights go early, few late, when each is missed more (Zhu and Gupta, 2017).
                SparsityPattern pattern = request.Pattern!.Of > 0 ? request.Pattern : request.Pattern with { Share = request.Pattern.Share * (1 - Math.Pow(1 - part, 3)) };
                var criterion = Enum.Parse<WeightCriterion>(request.Method.ToString());
                WeightPruner.Prune(trunk, criterion, pattern, text, progress, cancel);
                return model;
        }
    }

    private void Check(LanguageModel model)
    {
        TransformerSpec spec = model.Transformer.Spec;
        if (request.Heal > 0 || request is { Method: PruningMethod.Layers, By: LayerCriterion.Loss })
            RequireNextToken(model.Transformer);
        if (request.OfWeights)
        {
            if (request.Method != PruningMethod.Magnitude && model.Transformer.Encoder is not null)
                throw new CleaveException($"{Name()}: inputs are measured on what a decoder continues, and a {spec.Family} model is an encoder and a decoder; prune it with --method magnitude");
            SparsityPattern pattern = request.Pattern ?? throw new CleaveException($"{Name()}: say how many weights go, with --sparsity 0.5 or --pattern 2:4");
            if (pattern.Of > 0 && request.Rounds > 1)
                throw new CleaveException("--rounds: a pattern is made at once; rounds are for a --sparsity that grows");
            foreach ((string name, DenseLinear linear) in WeightPruner.Matrices(model.Transformer))
                pattern.Check(name, linear.Inputs);
            return;
        }
        if (request.Method == PruningMethod.Vocabulary && request.Heal > 0)
            throw new CleaveException("--heal: tokens that the text does not use are not missed on it; there is nothing to heal");
        if (request.Method == PruningMethod.Width && model.Heads.Count > 0)
            throw new CleaveException("the heads of this model's tasks read its whole width; prune its base");
        if (request.Method is PruningMethod.Neurons or PruningMethod.Heads && spec.Layers.Select(l => request.Method == PruningMethod.Heads ? l.KeyValueHeads : l.FeedForwardWidth).Distinct().Count() > 1)
            throw new CleaveException($"{Name()}: the layers of this model have different widths; prune the model that it was made from");
        if (request.Method == PruningMethod.Vocabulary ? request.Rounds > 1 : request.Keep < 1 || request.Keep > Parts(spec))
        {
            throw new CleaveException(request.Method == PruningMethod.Vocabulary ? "--rounds: a vocabulary is cut at once"
                : $"--keep {request.Keep}: from 1 to {Parts(spec)} {Name()} can be kept");
        }
    }

    // Both are of the text's next tokens.
    private void RequireNextToken(Transformer model)
    {
        if (model.Spec.Bidirectional && request.Heal == 0)
            throw new CleaveException($"--by loss: this {model.Spec.Family} model is an encoder, which has no next token to compare the loss of; choose its layers with --by influence or --by position");
        model.RequireContinuation();
        model.RequireOneStack();
    }

    private string Name() => request.Method.ToString().ToLowerInvariant();

    // How many there are of what is pruned.
    private int Parts(TransformerSpec spec) => request.Method switch
    {
        PruningMethod.Neurons => spec.Layers.Count > 0 ? spec.Layers[0].FeedForwardWidth : 0,
        PruningMethod.Heads => spec.Layers.Count > 0 ? spec.Layers[0].KeyValueHeads : 0,
        PruningMethod.Layers => spec.Layers.Count,
        PruningMethod.Width => spec.Width,
        _ => 0,
    };

    internal static int Widest(Transformer model) => model.Weights().Select(w => w.Weight).OfType<Linear>().Select(l => l.Inputs).DefaultIfEmpty(1).Max();
}
