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
            float[] scaled = [.. logits[i].Select(z => (float)(z / temperature))];
            int best = TokenSampler.ArgMax(scaled);
            float loss = CrossEntropy.Loss(scaled, best);
            predictions[i] = new Prediction { Label = labels[best], Confidence = Math.Exp(-loss) };
        }
        return predictions;
    }
}
