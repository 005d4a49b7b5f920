using Cleave.Models;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Ensembles;

/// <summary>
/// One model whose weights are the mean of several that were fine-tuned from the same weights (model soups: Wortsman et al., 2022). It costs what
/// one of them costs.
/// </summary>
public static class WeightSoup
{
    /// <summary>Writes the mean of the members' weights into a model of the same shape.</summary>
    /// <param name="into">May not be one of the members.</param>
    /// <exception cref="ArgumentException">The models are of different shapes.</exception>
    public static void Mean(LanguageModel into, IReadOnlyList<LanguageModel> members)
    {
        ArgumentNullException.ThrowIfNull(into);
        ArgumentNullException.ThrowIfNull(members);
        Tensor[][] weights = [.. members.Select(Weights)];
        Tensor[] targets = Weights(into);
        if (weights.Any(w => w.Length != targets.Length || w.Zip(targets).Any(p => p.First.Rows != p.Second.Rows || p.First.Columns != p.Second.Columns)))
            throw new ArgumentException("models of different shapes have no mean", nameof(members));
        for (int t = 0; t < targets.Length; t++)
        {
            Span<float> mean = targets[t].Data;
            mean.Clear();
            foreach (Tensor[] member in weights)
                VectorMath.AddScaled(mean, member[t].Data, 1f / members.Count);
        }
    }

    /// <summary>Adds members one after the other, the best first, and keeps each whose mean with those before does no worse.</summary>
    /// <param name="members">The best first.</param>
    /// <param name="score">More is better; on items that nothing was trained on.</param>
    /// <returns>The members kept, by their place in the list; <paramref name="into"/> has their mean.</returns>
    public static IReadOnlyList<int> Greedy(LanguageModel into, IReadOnlyList<LanguageModel> members, Func<LanguageModel, double> score)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(score);
        List<int> kept = [0];
        Mean(into, [members[0]]);
        double best = score(into);
        for (int m = 1; m < members.Count; m++)
        {
            Mean(into, [.. kept.Append(m).Select(k => members[k])]);
            double reached = score(into);
            if (!(reached >= best))
                continue;
            best = reached;
            kept.Add(m);
        }
        Mean(into, [.. kept.Select(k => members[k])]);
        return kept;
    }

    private static Tensor[] Weights(LanguageModel model) =>
        [.. model.Transformer.Parameters().Select(p => p.Tensor), .. model.Heads.SelectMany(h => new[] { h.Projection.Weight, h.Projection.Bias! })];
}
