using Cleave.Numerics;
using Cleave.Tuning.Samplers;

namespace Cleave.Tuning.Importance;

/// <summary>
/// Which parameters matter: the share of an objective's variance that each explains by itself over the whole space (Hutter, Hoos and Leyton-Brown,
/// "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014), by a forest of regression trees. What is missing
/// to 1 is interaction. A parameter that takes no part in a trial has the middle of its range there.
/// </summary>
public static class Fanova
{
    private const int Trees = 48, Grid = 32, MostTrials = 1000, FewestTrials = 8;

    /// <returns>One share a parameter in the space's order, or null with fewer than 8 complete trials or a constant objective.</returns>
    public static double[]? Of(StudyDefinition study, IReadOnlyList<Trial> trials, int objective)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(trials);
        Trial[] complete = [.. trials.Where(t => t.State == TrialState.Complete).TakeLast(MostTrials)];
        if (complete.Length < FewestTrials)
            return null;
        IReadOnlyList<Parameter> parameters = study.Space.Parameters;
        double[] sizes = [.. parameters.Select(p => p is CategoricalParameter c ? c.Choices.Count : 1.0)];
        double[][] points = [.. complete.Select(t => Coordinates.Encode(study.Space, t.Parameters!).Select((v, d) => double.IsNaN(v) ? 0.5
            : sizes[d] > 1 ? (v + 0.5) / sizes[d] : v).ToArray())];
        // Ranks: a few hopeless trials would otherwise be all there is to explain.
        double[] ranks = new double[complete.Length];
        int[] order = [.. Enumerable.Range(0, ranks.Length).OrderBy(i => complete[i].Values[objective])];
        for (int i = 0; i < order.Length; i++)
            ranks[order[i]] = i > 0 && complete[order[i]].Values[objective] == complete[order[i - 1]].Values[objective] ? ranks[order[i - 1]] : i;
        if (ranks.All(r => r == 0))
            return null;
        var rng = Rng.For(study.Seed, "fanova");
        double[] shares = new double[parameters.Count];
        int counted = 0;
        for (int tree = 0; tree < Trees; tree++)
        {
            int[] sample = [.. Enumerable.Range(0, points.Length).Select(_ => rng.NextInt(points.Length))];
            List<Leaf> leaves = RegressionTree.Grow(points, ranks, sample, rng);
            double mean = leaves.Sum(l => l.Volume * l.Value), variance = leaves.Sum(l => l.Volume * (l.Value - mean) * (l.Value - mean));
            if (variance <= 1e-12)
                continue;
            counted++;
            for (int d = 0; d < shares.Length; d++)
                shares[d] += Marginal(leaves, d, mean) / variance;
        }
        return counted == 0 ? null : [.. shares.Select(s => s / counted)];
    }

    /// <summary>The variance over one coordinate of the mean over all others, from the boxes of the leaves.</summary>
    private static double Marginal(List<Leaf> leaves, int d, double mean)
    {
        double sum = 0;
        for (int g = 0; g < Grid; g++)
        {
            double at = (g + 0.5) / Grid, value = 0;
            foreach (Leaf leaf in leaves)
            {
                if (leaf.Low[d] <= at && at < leaf.High[d])
                    value += leaf.Volume / (leaf.High[d] - leaf.Low[d]) * leaf.Value;
            }
            sum += (value - mean) * (value - mean);
        }
        return sum / Grid;
    }
}
