using Cleave.Evaluation.Baselines;

namespace Cleave.Training.Ensembles;

/// <summary>
/// Stacking (Wolpert, 1992): a multinomial logistic regression on the members' probabilities, which must come from models that did not see the
/// item. scikit-learn's definitions: C·Σ loss + ½‖W‖², the intercepts free; of two classes only the second's probability and logit.
/// </summary>
public sealed class Stacker
{
    private const int MostIterations = 1000;
    private const double Tolerance = 1e-4;
    private readonly int _outputs;

    /// <param name="weights">(members · columns + 1, outputs): as <see cref="Weights"/>.</param>
    /// <exception cref="ArgumentException">They are of another shape, or not finite.</exception>
    public Stacker(float[] weights, int members, int classes)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (members < 1 || classes < 2 || weights.Length != Count(members, classes) || weights.Any(w => !float.IsFinite(w)))
            throw new ArgumentException($"{weights.Length} weights for {members} members and {classes} classes: {Count(members, classes)} finite ones are needed", nameof(weights));
        (Weights, Members, Classes, _outputs) = (weights, members, classes, LogisticLoss.Outputs(classes));
    }

    /// <summary>A row for each member's each column, the intercepts behind them.</summary>
    public float[] Weights { get; }

    public int Members { get; }
    public int Classes { get; }

    /// <summary>How many weights there are.</summary>
    public static int Count(int members, int classes) => checked((members * LogisticLoss.Outputs(classes) + 1) * LogisticLoss.Outputs(classes));

    /// <param name="probabilities">By member, by item: one a class, by models that did not see the item.</param>
    /// <param name="c">Inverse strength of the penalty.</param>
    public static Stacker Fit(IReadOnlyList<IReadOnlyList<float[]>> probabilities, IReadOnlyList<int> labels, int classes, double c = 1)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        ArgumentNullException.ThrowIfNull(labels);
        if (probabilities.Count == 0 || labels.Count == 0 || probabilities.Any(m => m.Count != labels.Count))
            throw new ArgumentException("as many rows of every member as labels, at least one", nameof(probabilities));
        int columns = probabilities.Count * LogisticLoss.Outputs(classes);
        float[] values = [.. Enumerable.Range(0, labels.Count).SelectMany(i => Features(probabilities.Select(m => m[i]), classes))];
        var matrix = new SparseMatrix(labels.Count, columns, [.. Enumerable.Range(0, labels.Count + 1).Select(r => r * columns)],
            [.. Enumerable.Range(0, values.Length).Select(i => i % columns)], values);
        var loss = new LogisticLoss(matrix, labels, classes, c);
        var weights = new float[loss.Parameters];
        new Lbfgs().Minimise(loss.Evaluate, weights, MostIterations, Tolerance);
        return new Stacker(weights, probabilities.Count, classes);
    }

    /// <summary>Logits of one item.</summary>
    /// <param name="probabilities">By member, one a class.</param>
    public float[] Logits(IReadOnlyList<float[]> probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        if (probabilities.Count != Members)
            throw new ArgumentException($"{probabilities.Count} members, {Members} were stacked", nameof(probabilities));
        var logits = new float[Classes];
        Span<float> own = logits.AsSpan(Classes - _outputs);
        Weights.AsSpan(^_outputs..).CopyTo(own);
        int row = 0;
        foreach (float value in Features(probabilities, Classes))
        {
            for (int k = 0; k < _outputs; k++)
                own[k] += value * Weights[row * _outputs + k];
            row++;
        }
        return logits;
    }

    private static IEnumerable<float> Features(IEnumerable<float[]> probabilities, int classes) => probabilities.SelectMany(p => p.Skip(classes - LogisticLoss.Outputs(classes)));
}
