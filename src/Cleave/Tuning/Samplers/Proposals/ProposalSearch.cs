using Cleave.Numerics;

namespace Cleave.Tuning.Samplers.Proposals;

/// <summary>
/// Looks for the most promising point in rounds, each of which the model answers at once: first points from all over the space and steps from the
/// best trials, then ever shorter steps from the best points found.
/// </summary>
internal sealed class ProposalSearch(SamplerInput input, ProposalOdds odds, HashSet<ParameterSet>? tried)
{
    private const int Spread = 256, Steps = 256, Rounds = 4, Parents = 8, Children = 16;
    private const double Longest = 0.5, Shortest = 0.005;

    private readonly SearchSpace _space = input.Study.Space;
    private readonly Rng _rng = input.Random(ProposerSampler.SamplerName);

    /// <param name="centres">The trials to step from, best first; not empty.</param>
    /// <returns>Null where everything that was looked at has been tried.</returns>
    public ParameterSet? Run(IReadOnlyList<double[]> centres)
    {
        Candidate[] best = Best([.. Enumerable.Range(0, Spread).Select(i => QuasiRandomSampler.Point(input, (uint)(input.Number * 1021 + i))),
            .. Enumerable.Range(0, Steps).Select(i => Step(centres[i % Math.Min(centres.Count, 1 + i / 8)], Length(Shortest, Longest)))], []);
        for (int round = 0; round < Rounds && best.Length > 0; round++)
        {
            double longest = Longest / Math.Pow(4, round + 1);
            best = Best([.. best.SelectMany(b => Enumerable.Range(0, Children).Select(_ => Step(b.Point, Length(longest / 20, longest))))], best);
        }
        return best.Length > 0 ? best[0].Set : null;
    }

    private sealed record Candidate(double[] Point, ParameterSet Set, double Score);

    /// <summary>The best of new points and known candidates, best first; each set once.</summary>
    private Candidate[] Best(double[][] points, Candidate[] known)
    {
        ParameterSet[] sets = [.. points.Select(p => Coordinates.Settle(_space, p, i => Coordinates.FromUniform(_space.Parameters[i], _rng.NextDouble())))];
        double[] scores = odds.Scores(points);
        return [.. known.Concat(points.Select((p, i) => new Candidate(p, sets[i], scores[i]))).Where(c => tried?.Contains(c.Set) != true)
            .OrderByDescending(c => c.Score).DistinctBy(c => c.Set).Take(Parents)];
    }

    private double Length(double shortest, double longest) => shortest * Math.Pow(longest / shortest, _rng.NextDouble());

    /// <summary>A point with some of its coordinates moved; choices change now and then.</summary>
    private double[] Step(double[] from, double length)
    {
        double[] point = [.. from];
        double share = Math.Max(_rng.NextDouble(), 1.0 / point.Length);
        for (int d = 0; d < point.Length; d++)
        {
            if (_rng.NextDouble() >= share || double.IsNaN(point[d]))
                continue;
            Parameter parameter = _space.Parameters[d];
            if (parameter is not CategoricalParameter choice)
                point[d] = Reflect(point[d] + Math.Max(length, NearestStep(parameter)) * _rng.NextGaussian());
            else if (_rng.NextDouble() < 0.3)
                point[d] = _rng.NextInt(choice.Choices.Count);
        }
        return point;
    }

    /// <summary>The distance of neighbours: shorter steps would end where they began.</summary>
    private static double NearestStep(Parameter parameter) => parameter.Count is { } count ? 0.7 / count : 0;

    private static double Reflect(double x)
    {
        x = Math.Abs(x) % 2;
        return x > 1 ? 2 - x : x;
    }
}
