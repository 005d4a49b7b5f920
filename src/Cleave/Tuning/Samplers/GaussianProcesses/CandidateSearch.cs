using Cleave.Numerics;

namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>
/// Looks for the point with the best score: points spread over the space and steps from the best trials are scored, and the
/// best of them climb, along the slope where there is one, else by random steps whose length adapts.
/// </summary>
internal sealed class CandidateSearch(SearchSpace space, GpData data, Rng rng, Acquisition acquisition, double[] lengths, SearchBox box, HashSet<ParameterSet>? tried)
{
    /// <param name="spread">Points from all over the space, in coordinates.</param>
    /// <param name="centres">The trials to step from, best first.</param>
    public ParameterSet? Run(IEnumerable<double[]> spread, IReadOnlyList<double[]> centres, int steps, int climbers, int climb)
    {
        var found = new List<Candidate>();
        foreach (double[] point in spread)
        {
            for (int d = 0; d < point.Length; d++)
            {
                if (!data.IsChoice[d])
                    point[d] = box.Low[d] + (box.High[d] - box.Low[d]) * point[d];
            }
            Consider(found, point);
        }
        for (int i = 0; i < steps; i++)
            Consider(found, Step(centres[i % Math.Min(centres.Count, 1 + i / 8)]));
        Candidate[] first = [.. found.OrderByDescending(c => c.Score).Take(climbers)];
        foreach (Candidate candidate in first)
            found.Add(Climb(candidate, climb));
        return found.Where(c => tried?.Contains(c.Set) != true).MaxBy(c => c.Score)?.Set;
    }

    private sealed record Candidate(double[] Point, ParameterSet Set, double Score);

    private Candidate Consider(List<Candidate>? found, double[] point)
    {
        for (int d = 0; d < point.Length; d++)
        {
            if (!data.IsChoice[d])
                point[d] = Math.Clamp(point[d], box.Low[d], box.High[d]); // NaN stays
        }
        ParameterSet set = Coordinates.Settle(space, point, i => Coordinates.FromUniform(space.Parameters[i], rng.NextDouble()));
        data.Fill(point);
        var candidate = new Candidate(point, set, acquisition.Score(point, set));
        found?.Add(candidate);
        return candidate;
    }

    /// <summary>A trial's point with some of its coordinates moved; choices change now and then.</summary>
    private double[] Step(double[] centre)
    {
        double[] point = [.. centre];
        double size = Math.Exp(Math.Log(0.005) + rng.NextDouble() * Math.Log(100)), share = Math.Max(rng.NextDouble(), 1.0 / point.Length);
        for (int d = 0; d < point.Length; d++)
        {
            if (rng.NextDouble() >= share)
                Forget(point, d);
            else if (data.IsChoice[d])
                point[d] = rng.NextDouble() < 0.3 ? rng.NextInt((int)space.Parameters[d].Count!.Value) : Forget(point, d);
            else
                point[d] = Reflect(point[d] + size * Math.Min(1, 2 * lengths[d]) * rng.NextGaussian());
        }
        return point;
    }

    /// <summary>A choice that took no part has no coordinate to keep.</summary>
    private static double Forget(double[] point, int d) => point[d] = point[d] < 0 ? double.NaN : point[d];

    private Candidate Climb(Candidate from, int evaluations)
    {
        double[] slope = new double[from.Point.Length];
        Candidate best = from;
        double size = acquisition.Score(best.Point, slope) is null ? 0.1 : 0.5;
        bool hasSlope = size == 0.5;
        for (int i = 0; i < evaluations; i++)
        {
            double[] next = [.. best.Point];
            double norm = 0;
            for (int d = 0; d < next.Length && hasSlope; d++)
                norm += Square(slope[d] * lengths[d]);
            norm = Math.Sqrt(norm);
            if (hasSlope && !(norm > 1e-9))
                break;
            for (int d = 0; d < next.Length; d++)
            {
                if (data.IsChoice[d])
                    Forget(next, d);
                else if (hasSlope)
                    next[d] = next[d] + size * lengths[d] * lengths[d] * slope[d] / norm;
                else
                    next[d] = Reflect(next[d] + size * Math.Min(1, lengths[d]) * rng.NextGaussian());
            }
            Candidate moved = Consider(null, next);
            if (moved.Score > best.Score)
            {
                best = moved;
                size *= 1.6;
                if (hasSlope)
                    acquisition.Score(best.Point, slope);
            }
            else
            {
                size *= hasSlope ? 0.3 : 0.85;
            }
        }
        return best;
    }

    private static double Square(double x) => x * x;

    private static double Reflect(double x)
    {
        x = Math.Abs(x) % 2;
        return x > 1 ? 2 - x : x;
    }
}
