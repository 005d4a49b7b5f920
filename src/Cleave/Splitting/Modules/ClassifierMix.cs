using Cleave.Evaluation;

namespace Cleave.Splitting.Modules;

/// <summary>Finds how much to listen to each of two classifiers.</summary>
public static class ClassifierMix
{
    /// <summary>
    /// Both sides' logits are first brought to calibrated scale (temperature scaling), then the share of each, in steps of a
    /// tenth, is chosen by the likelihood of the true labels: a smooth score that a few items do not turn.
    /// </summary>
    public static MixOptions Fit(IReadOnlyList<float[]> transformer, IReadOnlyList<float[]> ngrams, IReadOnlyList<int> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        double first = TemperatureScaling.Fit(transformer, labels).Temperature, second = TemperatureScaling.Fit(ngrams, labels).Temperature;
        MixOptions best = new(1 / first, 0);
        double bestLoss = double.PositiveInfinity;
        for (int tenth = 0; tenth <= 10; tenth++)
        {
            var mix = new MixOptions(tenth / 10.0 / first, (10 - tenth) / 10.0 / second);
            IReadOnlyList<float[]> logits = mix.Apply(transformer, ngrams);
            // A mixture is less sure than its parts: let its scale be fitted before it is judged.
            double loss = TemperatureScaling.Fit(logits, labels).LossAfter;
            if (loss < bestLoss)
                (best, bestLoss) = (mix, loss);
        }
        return best;
    }
}
