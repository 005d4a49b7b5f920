namespace Cleave.Evaluation;

/// <summary>Items whose confidence lies in (<paramref name="Low"/>, <paramref name="High"/>] (the first bin holds 0
/// too).</summary>
/// <param name="Confidence">Their mean confidence; 0 where there is none.</param>
/// <param name="Accuracy">The share of them that is right; 0 where there is none.</param>
public sealed record ReliabilityBin(double Low, double High, int Items, double Confidence, double Accuracy);

/// <summary>Whether confidences mean what they say.</summary>
/// <param name="ExpectedError">The expected calibration error: Σ n_b/n · |accuracy_b − confidence_b| (Naeini et al.
/// 2015).</param>
/// <param name="LargestError">The largest |accuracy_b − confidence_b| of a bin with items.</param>
public sealed record Calibration(double ExpectedError, double LargestError, IReadOnlyList<ReliabilityBin> Bins, int Items)
{
    /// <summary>Bins of equal width over [0, 1].</summary>
    public static Calibration Of(IReadOnlyList<double> confidences, IReadOnlyList<bool> right, int bins = 15)
    {
        ArgumentNullException.ThrowIfNull(confidences);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bins);
        if (confidences.Count != right.Count || confidences.Count == 0)
            throw new ArgumentException("as many outcomes as confidences, at least one", nameof(right));
        int[] items = new int[bins], hits = new int[bins];
        var sums = new double[bins];
        for (int i = 0; i < confidences.Count; i++)
        {
            double confidence = confidences[i];
            if (confidence is not (>= 0 and <= 1))
                throw new ArgumentException($"confidence {i} is not in [0, 1]", nameof(confidences));
            int bin = Math.Clamp((int)Math.Ceiling(confidence * bins) - 1, 0, bins - 1);
            items[bin]++;
            sums[bin] += confidence;
            hits[bin] += right[i] ? 1 : 0;
        }
        ReliabilityBin[] table = [.. Enumerable.Range(0, bins).Select(b =>
        {
            int n = Math.Max(1, items[b]);
            return new ReliabilityBin((double)b / bins, (b + 1.0) / bins, items[b], sums[b] / n, (double)hits[b] / n);
        })];
        return new Calibration(table.Sum(b => (double)b.Items / confidences.Count * Math.Abs(b.Accuracy - b.Confidence)),
            table.Max(b => Math.Abs(b.Accuracy - b.Confidence)), table, confidences.Count);
    }
}
