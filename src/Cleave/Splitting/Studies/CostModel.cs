using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Bag;

namespace Cleave.Splitting.Studies;

/// <summary>
/// What one item costs at batch 1, computed from shapes. The search decides by it and not by a stopwatch, so that the same
/// seed finds the same module on every machine. A pass over n tokens takes, for each matrix,
/// max(operations / rate, bytes / bandwidth) + overhead, plus attention and the element-wise work.
/// </summary>
public static class CostModel
{
    // Set to agree within about a factor of two with modules measured at batch 1 on two AVX2 cores (docs/results). Only
    // ratios matter to a search; a latency budget should leave room.
    private const double DenseOperationsPerNs = 45, QuantizedOperationsPerNs = 90;
    private const double BytesPerNs = 25;
    private const double MatrixOverheadNs = 900, ElementNs = 0.35;
    private const double FeatureNs = 55, BagMultiplyAddsPerNs = 6, BagOverheadNs = 700;

    /// <summary>Nanoseconds of one item of a transformer module.</summary>
    /// <param name="inputTokens">Read at once.</param>
    /// <param name="generatedTokens">Made one by one; 0 for classes and tags.</param>
    /// <param name="headOutputs">Classes or tags; 0 where the vocabulary is predicted.</param>
    public static double Transformer(TransformerSpec spec, WeightType type, double inputTokens, double generatedTokens, int headOutputs, TaskKind kind)
    {
        ArgumentNullException.ThrowIfNull(spec);
        double ns = Pass(spec, type, inputTokens);
        if (headOutputs > 0)
            return ns + Matrix(headOutputs, spec.Width, WeightType.F32, kind == TaskKind.Extract ? inputTokens : 1);
        double step = Pass(spec, type, 1) + Matrix(spec.VocabularySize, spec.Width, type, 1);
        return ns + (kind == TaskKind.LanguageModel ? Matrix(spec.VocabularySize, spec.Width, type, inputTokens) : step * generatedTokens);
    }

    /// <summary>Nanoseconds of one text of an n-gram classifier.</summary>
    public static double Bag(BagCost cost)
    {
        ArgumentNullException.ThrowIfNull(cost);
        return BagOverheadNs + cost.FeaturesPerText * FeatureNs + cost.MultiplyAdds / BagMultiplyAddsPerNs;
    }

    private static double Pass(TransformerSpec spec, WeightType type, double tokens)
    {
        double ns = 0;
        int c = spec.Width;
        foreach (LayerSpec l in spec.Layers)
        {
            int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize, f = l.FeedForwardWidth;
            ns += Matrix(q, c, type, tokens) + 2 * Matrix(kv, c, type, tokens) + Matrix(c, q, type, tokens)
                + 2 * Matrix(f, c, type, tokens) + Matrix(c, f, type, tokens);
            ns += 4 * tokens * tokens * q / DenseOperationsPerNs + tokens * (8 * c + 3 * f) * ElementNs;
        }
        return ns;
    }

    private static double Matrix(int outputs, int inputs, WeightType type, double tokens)
    {
        double weights = (double)outputs * inputs;
        double rate = type == WeightType.Q8 ? QuantizedOperationsPerNs : DenseOperationsPerNs;
        double bytes = weights * (type == WeightType.Q8 ? 34.0 / 32 : 4); // float weights are expanded to float32 in memory
        return MatrixOverheadNs + Math.Max(2 * weights * tokens / rate, bytes / BytesPerNs);
    }
}
