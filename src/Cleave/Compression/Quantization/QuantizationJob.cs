using Cleave.Compression.Calibration;
using Cleave.Compression.Conversion;
using Cleave.Compression.Pruning;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>What is turned before rounding: see <see cref="Rotation"/>.</summary>
public enum RotatedPart
{
    None,
    Heads,
    All,
}

/// <summary>How a model is quantized.</summary>
/// <param name="Mix">The types of its matrices; with a budget, of those that no block format fits.</param>
public sealed record QuantizationRequest(TypeMix Mix, Rounding Rounding)
{
    public ChannelChange Change { get; init; }
    public RotatedPart Rotated { get; init; }

    /// <summary>Whether feed-forward networks are widened with zeros to whole blocks.</summary>
    public bool Pad { get; init; }

    /// <summary>Bytes for the matrices together, chosen type by type; or the divergence that may be lost, in nats a token.</summary>
    public long? Bytes { get; init; }
    public double? Divergence { get; init; }

    /// <summary>Tokens of the text to measure on.</summary>
    public int CalibrationTokens { get; init; } = 32_768;

    public ulong Seed { get; init; } = 7;

    /// <summary>Updates of training with rounded weights before the last rounding; 0 for none.</summary>
    public int Heal { get; init; }

    public double LearningRate { get; init; } = 1e-4;

    internal bool Mixed => Bytes is not null || Divergence is not null;

    /// <summary>Whether the text is looked at.</summary>
    public bool NeedsText => Rounding != Rounding.Nearest || Change != ChannelChange.None || Mixed || Heal > 0;
}

/// <summary>Quantizes a model: rotation, padding, the choice of types, then the rounding itself.</summary>
public sealed class QuantizationJob(QuantizationRequest request, IProgress<ProgressReport>? progress, CancellationToken cancel)
{
    private const int Context = 256, SensitivityWindows = 8;

    /// <param name="model">Of float32 matrices; changed.</param>
    /// <param name="tokens">The text to measure on.</param>
    /// <returns>The model with matrices in blocks, and how many of its matrices have each type.</returns>
    /// <exception cref="CleaveException">What is asked for cannot be done to this model, or the text is too short.</exception>
    public (LanguageModel Model, IReadOnlyDictionary<string, int> Types) Run(LanguageModel model, int[] tokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokens);
        Transformer trunk = Prepared(model);
        CalibrationText? text = request.NeedsText
            ? new CalibrationText(tokens, Math.Min(Context, trunk.Spec.ContextLength), request.CalibrationTokens, PruningJob.Widest(trunk)) : null;
        Func<string, int, BlockFormat?> format = request.Mixed ? Budgeted(trunk, text!)
            : (name, inputs) => request.Mix.For(name, trunk.Spec, inputs, request.Rounding != Rounding.Nearest).Blocks();
        if (request.Heal > 0)
            QuantizationAwareTraining.Run(trunk, format, new HealingOptions(tokens, request.Heal, request.LearningRate, request.Seed), progress, cancel);
        new ModelQuantizer(trunk, request.Rounding, request.Change, format).Run(text, progress, cancel);
        Dictionary<string, int> types = trunk.Weights().Select(w => w.Weight).OfType<Linear>()
            .GroupBy(l => l is QuantizedLinear q ? q.Weight.Format.ToString() : "float").ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        return (model with { Transformer = trunk }, types);
    }

    private Transformer Prepared(LanguageModel model)
    {
        Transformer trunk = model.Transformer;
        if (request.Rotated == RotatedPart.All && model.Heads.Count > 0)
            throw new CleaveException("the heads of this model's tasks read its residual stream as it is; rotate its heads of attention alone (--rotate heads)");
        if (request.Rotated == RotatedPart.All)
            trunk = Rotation.Residual(trunk, request.Seed);
        if (request.Rotated != RotatedPart.None)
            Rotation.Heads(trunk);
        int block = request.Mixed ? MixedPrecision.Candidates.Max(BlockFormats.Elements) : request.Mix.Base.Block()!.Value.Elements;
        return request.Pad ? WidthPadding.FeedForward(trunk, block) : trunk;
    }

    private Func<string, int, BlockFormat?> Budgeted(Transformer model, CalibrationText text)
    {
        long? left = request.Bytes is { } bytes ? MixedPrecision.RequireBytes(model, request.Mix, bytes) : null;
        var importance = new Dictionary<string, float[]>(StringComparer.Ordinal);
        new LayerStream(model, text).Run(products: false, layer =>
        {
            foreach ((string name, InputStatistics inputs) in layer.Inputs.Where(i => i.Value.Tokens > 0))
                importance[name] = [.. inputs.MeanSquares().Select(s => (float)s)];
            return false;
        }, "measure", progress, cancel);
        IReadOnlyList<FormatCost> costs = MixedPrecision.Measure(model, [.. text.Windows.Take(SensitivityWindows)], name => importance.GetValueOrDefault(name, []), progress, cancel);
        // What lies in one tensor of the file has one type there.
        FormatCost[] stored = [.. costs.GroupBy(c => (Name: Stored(c.Name), c.Format)).Select(g => new FormatCost(g.Key.Name, g.Key.Format, g.Sum(c => c.Bytes), g.Sum(c => c.Divergence)))];
        IReadOnlyDictionary<string, FormatCost> chosen = left is { } most ? MixedPrecision.WithinBytes(stored, most) : MixedPrecision.WithinDivergence(stored, request.Divergence!.Value);
        return (name, _) => chosen.TryGetValue(Stored(name), out FormatCost? cost) ? cost.Format : null;

        string Stored(string name) => GgufNames.Place(model.Spec, name).Name;
    }
}
