using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models.Sampling;
using Cleave.Numerics.Kernels;

namespace Cleave.Splitting.Modules;

/// <summary>Turns logits into predictions.</summary>
internal static class ClassPredictions
{
    public static IReadOnlyList<Prediction> Of(IReadOnlyList<float[]> logits, IReadOnlyList<string> labels, double temperature)
    {
        var predictions = new Prediction[logits.Count];
        for (int i = 0; i < predictions.Length; i++)
        {
            float[] scaled = Scaled(logits[i], temperature);
            int best = TokenSampler.ArgMax(scaled);
            float loss = CrossEntropy.Loss(scaled, best);
            predictions[i] = new Prediction { Label = labels[best], Confidence = Math.Exp(-loss) };
        }
        return predictions;
    }

    /// <summary>Every label with its confidence, the likeliest first; as sure of that as <see cref="Of"/>.</summary>
    public static IReadOnlyList<(string Label, double Confidence)> Ranked(float[] logits, IReadOnlyList<string> labels, double temperature)
    {
        float[] scaled = Scaled(logits, temperature);
        return [.. labels.Select((label, i) => (Label: label, Confidence: Math.Exp(-CrossEntropy.Loss(scaled, i)))).OrderByDescending(p => p.Confidence)];
    }

    private static float[] Scaled(float[] logits, double temperature) => [.. logits.Select(z => (float)(z / temperature))];
}
