using Cleave.Tuning.Samplers.GaussianProcesses;

namespace Cleave.Tuning.Samplers.Proposals;

/// <summary>
/// How promising points are by a value model: the logarithm of the expected improvement times the probability that every constraint is met; before
/// anything is feasible, of that probability alone. Running trials count with the values that the model expects of them.
/// </summary>
internal sealed class ProposalOdds : IDisposable
{
    private const double Least = 1e-30;

    private readonly IValueModel _model;
    private readonly double? _best;
    private readonly IValuePosterior _objective;
    private readonly (IValuePosterior Posterior, double Limit)[] _constraints;

    /// <param name="values">Of the trials, standardized.</param>
    /// <param name="best">The least of the feasible trials, or null.</param>
    /// <param name="constraints">Constraints × trials.</param>
    public ProposalOdds(IValueModel model, SearchSpace space, Trial[] trials, Trial[] running, double[] values, double? best, double[][] constraints)
    {
        (_model, _best) = (model, best);
        int[] choices = [.. space.Parameters.Select(p => p is CategoricalParameter c ? c.Choices.Count : 0)];
        double[][] points = Points(trials), waiting = Points(running[..Math.Min(running.Length, model.MostTrials - trials.Length)]);
        _objective = Believe(values);
        _constraints = [.. constraints.Select(c =>
        {
            double[] bent = PowerTransform.Apply([.. c, 0]); // the limit, 0, is bent with the values
            return (Believe(bent[..^1]), bent[^1]);
        })];

        double[][] Points(Trial[] some) => [.. some.Select(t => Coordinates.Encode(space, t.Parameters!))];

        IValuePosterior Believe(double[] known)
        {
            IValuePosterior posterior = model.Given(choices, points, known);
            if (waiting.Length == 0)
                return posterior;
            using (posterior)
            {
                float[] all = posterior.Probabilities(waiting);
                int bins = all.Length / waiting.Length;
                return model.Given(choices, [.. points, .. waiting], [.. known, .. waiting.Select((_, i) => ValueBins.Mean(model.Edges, all.AsSpan(i * bins, bins)))]);
            }
        }
    }

    /// <summary>One score a point.</summary>
    public double[] Scores(IReadOnlyList<double[]> points)
    {
        double[] scores = new double[points.Count];
        if (_best is { } best)
            Add(_objective, p => ValueBins.Improvement(_model.Edges, p, best));
        foreach ((IValuePosterior posterior, double limit) in _constraints)
            Add(posterior, p => ValueBins.Below(_model.Edges, p, limit));
        return scores;

        void Add(IValuePosterior posterior, Func<ReadOnlySpan<float>, double> odds)
        {
            float[] all = posterior.Probabilities(points);
            for (int i = 0; i < scores.Length; i++)
            {
                int bins = all.Length / scores.Length;
                scores[i] += Math.Log(odds(all.AsSpan(i * bins, bins)) + Least);
            }
        }
    }

    public void Dispose()
    {
        _objective.Dispose();
        foreach ((IValuePosterior posterior, _) in _constraints)
            posterior.Dispose();
    }
}
