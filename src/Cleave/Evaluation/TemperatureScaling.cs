namespace Cleave.Evaluation;

/// <summary>
/// Temperature scaling (Guo et al. 2017): softmax(z / T) with the one T that gives held-out labels the largest
/// likelihood. It changes confidences, never the most likely class.
/// </summary>
/// <param name="Temperature">T, above 0.</param>
/// <param name="LossBefore">Mean negative log-likelihood in nats at T = 1.</param>
/// <param name="LossAfter">The same at T.</param>
public sealed record TemperatureScaling(double Temperature, double LossBefore, double LossAfter, int Items)
{
    // Labels that the logits part without error would send T to 0; confidences beyond these limits mean nothing.
    private const double Hottest = 100, Coldest = 0.05;

    /// <summary>
    /// Finds T by Newton's method on β = 1/T, kept in a bracket by bisection: the loss is convex in β, with derivative
    /// Σ (E[z] − z_label) and second derivative Σ Var[z] under softmax(βz).
    /// </summary>
    /// <param name="logits">One row of C finite numbers an item.</param>
    /// <param name="labels">The right class of each item, in [0, C).</param>
    public static TemperatureScaling Fit(IReadOnlyList<float[]> logits, IReadOnlyList<int> labels)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(labels);
        Check(logits, labels);
        double low = 1 / Hottest, high = 1 / Coldest, beta = 1;
        for (int step = 0; step < 200; step++)
        {
            (_, double slope, double curvature) = Loss(logits, labels, beta);
            if (slope > 0)
                high = beta;
            else
                low = beta;
            double next = curvature > 0 ? beta - slope / curvature : double.NaN;
            if (!(next > low && next < high))
                next = (low + high) / 2;
            if (Math.Abs(next - beta) <= 1e-12 * beta || high - low <= 1e-12 * low)
                break;
            beta = next;
        }
        return new TemperatureScaling(1 / beta, Loss(logits, labels, 1).Loss, Loss(logits, labels, beta).Loss, labels.Count);
    }

    /// <summary>softmax(logits / T), in <paramref name="probabilities"/> of the same length.</summary>
    public void Apply(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        if (logits.Length != probabilities.Length || logits.IsEmpty)
            throw new ArgumentException("as many probabilities as logits, at least one", nameof(probabilities));
        float highest = logits[0];
        foreach (float z in logits)
            highest = Math.Max(highest, z);
        double sum = 0;
        foreach (float z in logits)
            sum += Math.Exp((z - highest) / Temperature);
        for (int i = 0; i < logits.Length; i++)
            probabilities[i] = (float)(Math.Exp((logits[i] - highest) / Temperature) / sum);
    }

    private static (double Loss, double Slope, double Curvature) Loss(IReadOnlyList<float[]> logits, IReadOnlyList<int> labels,
        double beta)
    {
        double loss = 0, slope = 0, curvature = 0;
        for (int i = 0; i < labels.Count; i++)
        {
            float[] row = logits[i];
            double highest = row.Max(), sum = 0, first = 0, second = 0;
            foreach (float z in row)
            {
                double shifted = z - highest, weight = Math.Exp(beta * shifted);
                sum += weight;
                first += weight * shifted;
                second += weight * shifted * shifted;
            }
            double mean = first / sum, right = row[labels[i]] - highest;
            loss += Math.Log(sum) - beta * right;
            slope += mean - right;
            curvature += second / sum - mean * mean;
        }
        return (loss / labels.Count, slope, curvature);
    }

    private static void Check(IReadOnlyList<float[]> logits, IReadOnlyList<int> labels)
    {
        if (logits.Count != labels.Count || logits.Count == 0)
            throw new ArgumentException("as many rows of logits as labels, at least one", nameof(labels));
        for (int i = 0; i < labels.Count; i++)
        {
            if (logits[i].Length != logits[0].Length || logits[i].Any(z => !float.IsFinite(z)))
                throw new ArgumentException($"row {i} of the logits is of another length or not finite", nameof(logits));
            if ((uint)labels[i] >= (uint)logits[i].Length)
                throw new ArgumentException($"label {i} is no class of its row", nameof(labels));
        }
    }
}
