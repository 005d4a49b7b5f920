namespace Cleave.Evaluation.Baselines;

/// <summary>Always answers the most frequent training class (the lowest number among equals): the floor under every classifier.</summary>
public sealed class MajorityBaseline
{
    private MajorityBaseline(int label, double share) => (Label, Share) = (label, share);

    /// <summary>The class it answers.</summary>
    public int Label { get; }

    /// <summary>That class's share of the training labels.</summary>
    public double Share { get; }

    /// <exception cref="ArgumentException">There are no labels, or one is not from 0 to classes − 1.</exception>
    public static MajorityBaseline Fit(IReadOnlyList<int> labels, int classes)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count == 0 || labels.Any(l => (uint)l >= (uint)classes))
            throw new ArgumentException($"{labels.Count} labels of {classes} classes: at least one, all from 0 to {classes - 1}", nameof(labels));
        int[] counts = new int[classes];
        foreach (int label in labels)
            counts[label]++;
        int best = Array.IndexOf(counts, counts.Max());
        return new MajorityBaseline(best, (double)counts[best] / labels.Count);
    }
}
