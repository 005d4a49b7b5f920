using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Bag;

namespace Cleave.Splitting.Studies;

/// <summary>What the machine's kernels do: the terms of <see cref="CostModel"/>.</summary>
/// <param name="DenseOperationsPerNs">Of float32 products.</param>
/// <param name="QuantizedOperationsPerNs">Of products with 8-bit weights.</param>
/// <param name="BytesPerNs">Weights read.</param>
/// <param name="MatrixNs">Overhead of a product.</param>
/// <param name="ElementNs">Norms, activations and copies, an element.</param>
/// <param name="FeatureNs">An n-gram found and looked up.</param>
/// <param name="BagMultiplyAddsPerNs">Of pooled rows and the bag's layers.</param>
/// <param name="BagNs">Overhead of a text.</param>
public sealed record CostCoefficients(double DenseOperationsPerNs, double QuantizedOperationsPerNs, double BytesPerNs, double MatrixNs,
    double ElementNs, double FeatureNs, double BagMultiplyAddsPerNs, double BagNs)
{
    /// <summary>Fitted on two Zen 3 class cores with AVX2; bench/results, cost-model.md judges them beside a later fit.</summary>
    public static CostCoefficients Fitted { get; } = new(183, 247, 60.8, 721, 1.13, 80.8, 13, 1);
}

/// <summary>
/// What one item costs at batch 1, computed from shapes. The search decides by it and not by a stopwatch, so that the same
/// seed finds the same module on every machine. A pass over n tokens takes, for each matrix,
/// max(operations / rate, bytes / bandwidth) + overhead, plus attention and the element-wise work. Only ratios matter to a
/// search; a latency budget should leave room.
/// </summary>
public static class CostModel
{
    /// <summary>Nanoseconds of one item of a transformer module.</summary>
    /// <param name="inputTokens">Read at once.</param>
    /// <param name="generatedTokens">Made one by one; 0 for classes and tags.</param>
    /// <param name="headOutputs">Classes or tags; 0 where the vocabulary is predicted.</param>
    public static double Transformer(TransformerSpec spec, WeightType type, double inputTokens, double generatedTokens, int headOutputs, TaskKind kind,
        CostCoefficients? coefficients = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        CostCoefficients k = coefficients ?? CostCoefficients.Fitted;
        if (spec.Encoder is not null)
            return Pass(k, spec.Encoder, type, inputTokens) + Answer(k, spec, type, inputTokens, generatedTokens);
        double ns = Pass(k, spec, type, inputTokens);
        if (headOutputs > 0)
            return ns + Matrix(k, headOutputs, spec.Width, WeightType.F32, kind == TaskKind.Extract ? inputTokens : 1);
        double vocabulary = Matrix(k, spec.VocabularySize, spec.Width, type, kind == TaskKind.LanguageModel ? inputTokens : 1);
        return ns + (kind == TaskKind.LanguageModel ? vocabulary : (Pass(k, spec, type, 1) + vocabulary) * generatedTokens);
    }

    /// <summary>Nanoseconds of one text of an n-gram classifier.</summary>
    public static double Bag(BagCost cost, CostCoefficients? coefficients = null)
    {
        ArgumentNullException.ThrowIfNull(cost);
        CostCoefficients k = coefficients ?? CostCoefficients.Fitted;
        return k.BagNs + cost.FeaturesPerText * k.FeatureNs + cost.MultiplyAdds / k.BagMultiplyAddsPerNs;
    }

    /// <summary>What a decoder makes of its encoder's states: keys and values of the source once, then token by token.</summary>
    private static double Answer(CostCoefficients k, TransformerSpec spec, WeightType type, double inputTokens, double generatedTokens)
    {
        double once = 0, token = Pass(k, spec, type, 1) + Matrix(k, spec.VocabularySize, spec.Width, type, 1);
        foreach (LayerSpec l in spec.Layers)
        {
            int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize;
            once += 2 * Matrix(k, kv, spec.Width, type, inputTokens);
            token += Matrix(k, q, spec.Width, type, 1) + Matrix(k, spec.Width, q, type, 1) + 4 * inputTokens * q / k.DenseOperationsPerNs;
        }
        return once + token * generatedTokens;
    }

    private static double Pass(CostCoefficients k, TransformerSpec spec, WeightType type, double tokens)
    {
        double ns = 0;
        int c = spec.Width;
        foreach (LayerSpec l in spec.Layers)
        {
            int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize, f = l.FeedForwardWidth, networks = l.Experts?.PerToken ?? 1;
            ns += Matrix(k, q, c, type, tokens) + 2 * Matrix(k, kv, c, type, tokens) + Matrix(k, c, q, type, tokens)
                + networks * ((spec.FeedForwardMatrices - 1) * Matrix(k, f, c, type, tokens) + Matrix(k, c, f, type, tokens));
            if (l.Experts is { } e)
            {
                ns += Matrix(k, e.Count, c, WeightType.F32, tokens);
                if (e.SharedWidth is var s and > 0)
                    ns += (spec.FeedForwardMatrices - 1) * Matrix(k, s, c, type, tokens) + Matrix(k, c, s, type, tokens) + Matrix(k, 1, c, WeightType.F32, tokens);
                f = f * networks + e.SharedWidth;
            }
            ns += 4 * tokens * tokens * q / k.DenseOperationsPerNs + tokens * (8 * c + 3 * f) * k.ElementNs;
        }
        return ns;
    }

    private static double Matrix(CostCoefficients k, int outputs, int inputs, WeightType type, double tokens)
    {
        double weights = (double)outputs * inputs;
        double rate = type == WeightType.Q8 ? k.QuantizedOperationsPerNs : k.DenseOperationsPerNs;
        double bytes = weights * (type == WeightType.Q8 ? 34.0 / 32 : 4); // float weights are expanded to float32 in memory
        return k.MatrixNs + Math.Max(2 * weights * tokens / rate, bytes / k.BytesPerNs);
    }
}
