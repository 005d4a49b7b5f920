using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Numerics.Quantized;
using Cleave.Splitting.Recipes;

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
    /// <summary>
    /// How fast products with a format are beside those with Q8_0: of many tokens at once, where the arithmetic decides, and of one, where reading and
    /// unpacking the weights do. With AVX2 as the coefficients are fitted; AVX-VNNI, where there is any, makes Q8_0 alone faster (bench/results, block-rates.md).
    /// </summary>
    public static (double Many, double One) SpeedOf(BlockFormat format) => format switch
    {
        BlockFormat.Q8_0 => (1, 1),
        BlockFormat.Q4_0 => (1.61, 1.39),
        BlockFormat.Q4_1 => (1.48, 1.04),
        BlockFormat.Q5_0 => (1.63, 1.01),
        BlockFormat.Q5_1 => (1.49, 0.87),
        BlockFormat.IQ4_NL => (1.09, 0.82),
        BlockFormat.Q2_K => (1.53, 1.07),
        BlockFormat.Q3_K => (1.55, 0.89),
        BlockFormat.Q4_K => (1.66, 1.28),
        BlockFormat.Q5_K => (1.6, 0.67),
        BlockFormat.Q6_K => (1.49, 0.59),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "not a block format"),
    };

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
    /// <param name="weights">How its matrices are stored.</param>
    /// <param name="inputTokens">Read at once.</param>
    /// <param name="generatedTokens">Made one by one; 0 for classes and tags.</param>
    /// <param name="headOutputs">Classes or tags; 0 where the vocabulary is predicted.</param>
    public static double Transformer(TransformerSpec spec, WeightChoice weights, double inputTokens, double generatedTokens, int headOutputs, TaskKind kind,
        CostCoefficients? coefficients = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(weights);
        CostCoefficients k = coefficients ?? CostCoefficients.Fitted;
        if (spec.Encoder is not null)
            return Pass(k, spec.Encoder, weights, inputTokens) + Answer(k, spec, weights, inputTokens, generatedTokens);
        double ns = Pass(k, spec, weights, inputTokens);
        if (headOutputs > 0)
            return ns + Matrix(k, headOutputs, spec.Width, null, kind == TaskKind.Extract ? inputTokens : 1);
        double vocabulary = Vocabulary(k, spec, weights, kind == TaskKind.LanguageModel ? inputTokens : 1);
        return ns + (kind == TaskKind.LanguageModel ? vocabulary : (Pass(k, spec, weights, 1) + vocabulary) * generatedTokens);
    }

    /// <summary>Nanoseconds of one text of an n-gram classifier.</summary>
    public static double Bag(BagCost cost, CostCoefficients? coefficients = null)
    {
        ArgumentNullException.ThrowIfNull(cost);
        CostCoefficients k = coefficients ?? CostCoefficients.Fitted;
        return k.BagNs + cost.FeaturesPerText * k.FeatureNs + cost.MultiplyAdds / k.BagMultiplyAddsPerNs;
    }

    private static double Vocabulary(CostCoefficients k, TransformerSpec spec, WeightChoice weights, double tokens)
    {
        string name = spec.HasOwnOutput ? WeightNames.Output : WeightNames.Embedding;
        return Matrix(k, spec.VocabularySize, spec.Width, weights.FormatOf(name, spec, spec.Width), tokens);
    }

    /// <summary>What a decoder makes of its encoder's states: keys and values of the source once, then token by token.</summary>
    private static double Answer(CostCoefficients k, TransformerSpec spec, WeightChoice weights, double inputTokens, double generatedTokens)
    {
        double once = 0, token = Pass(k, spec, weights, 1) + Vocabulary(k, spec, weights, 1);
        BlockFormat? format = weights.FormatOf(WeightNames.Embedding, spec, spec.Width); // such models have no mixes
        foreach (LayerSpec l in spec.Layers)
        {
            int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize;
            once += 2 * Matrix(k, kv, spec.Width, format, inputTokens);
            token += Matrix(k, q, spec.Width, format, 1) + Matrix(k, spec.Width, q, format, 1) + 4 * inputTokens * q / k.DenseOperationsPerNs;
        }
        return once + token * generatedTokens;
    }

    private static double Pass(CostCoefficients k, TransformerSpec spec, WeightChoice weights, double tokens)
    {
        double ns = 0;
        int c = spec.Width;
        for (int i = 0; i < spec.Layers.Count; i++)
        {
            LayerSpec l = spec.Layers[i];
            int q = l.Heads * l.HeadSize, kv = l.KeyValueHeads * l.HeadSize, f = l.FeedForwardWidth, networks = l.Experts?.PerToken ?? 1;
            double Product(string name, int outputs, int inputs) => Matrix(k, outputs, inputs, weights.FormatOf(name, spec, inputs), tokens);
            double up = Product(WeightNames.Up(i), f, c), down = Product(WeightNames.Down(i), c, f);
            ns += Product(WeightNames.Query(i), q, c) + (Product(WeightNames.Key(i), kv, c) + Product(WeightNames.Value(i), kv, c)) + Product(WeightNames.AttentionOutput(i), c, q)
                + networks * ((spec.FeedForwardMatrices - 1) * up + down);
            if (l.Experts is { } e)
            {
                ns += Matrix(k, e.Count, c, null, tokens);
                if (e.SharedWidth is var s and > 0)
                    ns += (spec.FeedForwardMatrices - 1) * Product(WeightNames.Up(i), s, c) + Product(WeightNames.Down(i), c, s) + Matrix(k, 1, c, null, tokens);
                f = f * networks + e.SharedWidth;
            }
            ns += 4 * tokens * tokens * q / k.DenseOperationsPerNs + tokens * (8 * c + 3 * f) * k.ElementNs;
        }
        return ns;
    }

    private static double Matrix(CostCoefficients k, int outputs, int inputs, BlockFormat? format, double tokens)
    {
        double elements = (double)outputs * inputs;
        if (format is not { } blocks) // float weights are expanded to float32 in memory
            return k.MatrixNs + Math.Max(2 * elements * tokens / k.DenseOperationsPerNs, elements * 4 / k.BytesPerNs);
        (double many, double one) = CostCoefficients.SpeedOf(blocks);
        return k.MatrixNs + Math.Max(2 * elements * tokens / (k.QuantizedOperationsPerNs * many), elements * (34.0 / 32) / (k.BytesPerNs * one));
    }
}
