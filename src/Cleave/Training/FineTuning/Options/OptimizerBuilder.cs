using System.Globalization;
using Cleave.Models;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Tensors;
using Cleave.Training.Adapters;
using Cleave.Training.Optimizers;

namespace Cleave.Training.FineTuning.Options;

/// <summary>Makes an optimizer of options: rules by name, and groups by what a parameter is and how deep it lies.</summary>
public static class OptimizerBuilder
{
    public static IReadOnlyList<string> Names { get; } = ["adamw", "adam", "sgd", "lamb", "lion", "adafactor", "muon"];

    private static readonly string[] Below = [WeightNames.Embedding, WeightNames.Positions, WeightNames.TokenTypes, WeightNames.EmbeddingNorm, WeightNames.BiasOf(WeightNames.EmbeddingNorm), WeightNames.RelativeBias];

    /// <summary>A learning rate that usually suits: few weights bear more than all of them.</summary>
    public static double UsualRate(string optimizer, FineTuneMethod method)
    {
        double adam = method switch { FineTuneMethod.Full or FineTuneMethod.Last => 1e-3, FineTuneMethod.Ia3 => 1e-2, _ => 3e-3 };
        return optimizer switch { "sgd" => 50 * adam, "lion" => adam / 5, "lamb" => 3 * adam, "adafactor" => 10 * adam, _ => adam };
    }

    /// <param name="transformer">Whose layers the learning rates decay along.</param>
    /// <param name="ranks">Who trains together; null for this process alone.</param>
    public static Optimizer Build(OptimizerOptions options, IReadOnlyList<(string Name, Tensor Tensor)> parameters, Transformer transformer, ICollective? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(transformer);
        IUpdateRule usual = Rule(options), other = options.Name == "muon" ? Adam(options) : usual;
        bool coupled = options.Name == "adam";
        var groups = parameters.GroupBy(p => (Rule: Takes(usual, p.Name, p.Tensor) ? usual : other, Scale: Scale(p.Name, options.LayerDecay, transformer.Layers.Count, transformer.Encoder?.Layers.Count ?? 0)))
            .Select(g => new ParameterGroup([.. g], g.Key.Rule)
            {
                LearningRateScale = g.Key.Scale,
                WeightDecay = coupled ? 0 : (float)options.WeightDecay,
                L2 = (float)(options.L2 + (coupled ? options.WeightDecay : 0)),
                L1 = (float)options.L1,
            });
        return new Optimizer([.. groups], ranks ?? OneProcess.Instance)
        {
            ClipNorm = options.ClipNorm > 0 ? (float)options.ClipNorm : float.PositiveInfinity,
            ClipValue = options.ClipValue > 0 ? (float)options.ClipValue : float.PositiveInfinity,
        };
    }

    /// <summary>Layer i of a stack of L takes decay^(L − i), what lies below its layers decay^(L + 1), what lies above them 1.</summary>
    /// <param name="layers">Of the transformer.</param>
    /// <param name="encoderLayers">Of its encoder; the token table of both lies below the higher stack.</param>
    public static double Scale(string name, double decay, int layers, int encoderLayers = 0)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (decay == 1)
            return 1;
        string plain = name.StartsWith(Adapter.ParameterPrefix, StringComparison.Ordinal) ? name[Adapter.ParameterPrefix.Length..] : name, own = WeightNames.OfStack(plain);
        int depth = WeightNames.IsOfEncoder(plain) ? encoderLayers : own == WeightNames.Embedding ? Math.Max(layers, encoderLayers) : layers;
        if (own.StartsWith(WeightNames.Layers, StringComparison.Ordinal))
        {
            string rest = own[WeightNames.Layers.Length..];
            return Math.Pow(decay, depth - int.Parse(rest.AsSpan(0, rest.IndexOf('.', StringComparison.Ordinal)), CultureInfo.InvariantCulture));
        }
        return Below.Contains(own) ? Math.Pow(decay, depth + 1) : 1;
    }

    private static IUpdateRule Rule(OptimizerOptions o) => o.Name switch
    {
        "sgd" => new Sgd((float)(o.Momentum ?? 0.9), o.Nesterov),
        "lamb" => new Lamb((float)o.Beta1, (float)o.Beta2),
        "lion" => new Lion((float)o.Beta1, (float)o.Beta2),
        "adafactor" => new Adafactor(),
        "muon" => new Muon((float)(o.Momentum ?? 0.95)),
        "adam" or "adamw" => Adam(o),
        _ => throw new ArgumentException($"there is no optimizer '{o.Name}'", nameof(o)),
    };

    private static Adam Adam(OptimizerOptions o) => new((float)o.Beta1, (float)o.Beta2);

    // Muon is for the matrices inside of layers.
    private static bool Takes(IUpdateRule rule, string name, Tensor tensor) =>
        rule is not Muon || tensor.Rows > 1 && tensor.Columns > 1 && name.Contains(WeightNames.Layers, StringComparison.Ordinal);
}
