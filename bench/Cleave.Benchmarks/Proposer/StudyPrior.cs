using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;

namespace Cleave.Benchmarks.Proposer;

/// <summary>Trials whose values are known, and points whose values are to be told.</summary>
/// <param name="Choices">For each parameter how many choices it has, or 0 for a number.</param>
internal sealed record PriorStudy(int[] Choices, double[][] Known, double[] Values, double[][] Asked, double[] Answers);

/// <summary>
/// Draws studies to learn from. Known trials are spread evenly, come from a search that steps from its best trials, are a part of a real sampler's
/// trajectory, or lie in the record of a real study. A study is a function of the seed and its number.
/// </summary>
internal sealed class StudyPrior(ulong seed, int mostTrials, int asked, IReadOnlyList<Trajectory> trajectories, IReadOnlyList<RealStudy> real)
{
    private const double FromSamplers = 0.2, FromReal = 0.03;

    public PriorStudy Draw(long number)
    {
        Rng rng = Rng.For(seed, FormattableString.Invariant($"study/{number}"));
        int known = 2 + (int)((mostTrials - 1) * Math.Pow(rng.NextDouble(), 1.3));
        double source = rng.NextDouble();
        PriorStudy study = source < FromReal && real.Count > 0 ? OfReal(real[rng.NextInt(real.Count)], known, rng)
            : source < FromReal + FromSamplers && trajectories.Count > 0 ? OfTrajectory(trajectories[rng.NextInt(trajectories.Count)], known, rng) : OfFunction(known, rng);
        return Shuffled(study, rng);
    }

    private PriorStudy OfFunction(int count, Rng rng)
    {
        var function = new SyntheticFunction(rng);
        List<double[]> points = [];
        List<double> values = [];
        bool searches = rng.NextDouble() < 0.65;
        int first = searches ? 2 + rng.NextInt(7) : count;
        double wide = 0.05 + 0.5 * rng.NextDouble();
        double[][] even = Even(function.Space, Math.Min(first, count), rng);
        while (points.Count < count)
        {
            double[] next = points.Count < even.Length ? even[points.Count] : rng.NextDouble() < wide ? function.Space.Random(rng)
                : function.Space.Near(points[Good(values, 3, rng)], Size(0.01, 0.4, rng), rng);
            points.Add(next);
            values.Add(function.At(next, rng));
        }
        return Ask(function, [.. points], [.. values], rng);
    }

    private PriorStudy OfTrajectory(Trajectory trajectory, int count, Rng rng)
    {
        count = Math.Min(count, trajectory.Points.Length);
        return Ask(new SyntheticFunction(Rng.For(seed, trajectory.Purpose)), trajectory.Points[..count], trajectory.Values[..count], rng);
    }

    private PriorStudy OfReal(RealStudy study, int count, Rng rng)
    {
        int[] order = [.. Enumerable.Range(0, study.Points.Length)];
        rng.Shuffle(order.AsSpan());
        count = Math.Min(count, order.Length - asked);
        int[] known = order[..count], rest = order[count..(count + asked)];
        double sign = rng.NextDouble() < 0.5 ? 1 : -1; // its maximum is as good a goal
        return new PriorStudy(study.Choices, [.. known.Select(i => study.Points[i])], [.. known.Select(i => sign * study.Values[i])],
            [.. rest.Select(i => study.Points[i])], [.. rest.Select(i => sign * study.Values[i])]);
    }

    private PriorStudy Ask(SyntheticFunction function, double[][] points, double[] values, Rng rng)
    {
        double[][] queries = [.. Enumerable.Range(0, asked).Select(i => i % 5 < 2 ? function.Space.Random(rng)
            : function.Space.Near(points[Good([.. values], i % 5 < 4 ? 3 : values.Length, rng)], Size(0.005, 0.4, rng), rng))];
        return new PriorStudy(function.Space.Choices, points, values, queries, [.. queries.Select(q => function.At(q, rng))]);
    }

    /// <summary>Parameters in another order, so that slots are alike.</summary>
    private static PriorStudy Shuffled(PriorStudy study, Rng rng)
    {
        int[] order = [.. Enumerable.Range(0, study.Choices.Length)];
        rng.Shuffle(order.AsSpan());
        double[][] Reordered(double[][] points) => [.. points.Select(p => order.Select(d => p[d]).ToArray())];
        return study with { Choices = [.. order.Select(d => study.Choices[d])], Known = Reordered(study.Known), Asked = Reordered(study.Asked) };
    }

    /// <summary>A Latin hypercube: each parameter's range is cut into as many parts as there are points, and each part has one.</summary>
    internal static double[][] Even(SyntheticSpace space, int count, Rng rng)
    {
        double[][] uniforms = [.. Enumerable.Range(0, count).Select(_ => new double[space.Choices.Length])];
        int[] order = [.. Enumerable.Range(0, count)];
        for (int d = 0; d < space.Choices.Length; d++)
        {
            rng.Shuffle(order.AsSpan());
            for (int i = 0; i < count; i++)
                uniforms[i][d] = (order[i] + rng.NextDouble()) / count;
        }
        return [.. uniforms.Select(u => space.Point(u))];
    }

    private static int Good(List<double> values, int among, Rng rng)
    {
        int[] best = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i]).Take(among)];
        return best[rng.NextInt(best.Length)];
    }

    private static double Size(double least, double most, Rng rng) => least * Math.Pow(most / least, rng.NextDouble());
}

/// <summary>What a sampler did on the synthetic function of a purpose.</summary>
internal sealed record Trajectory(string Purpose, double[][] Points, double[] Values)
{
    private static readonly Func<ISampler>[] Samplers = [() => new TpeSampler(), () => new AutoSampler(), () => new QuasiRandomSampler(), () => new CmaEsSampler(), () => new AutoSampler()];

    public static Trajectory Draw(ulong seed, int number, int trials)
    {
        string purpose = FormattableString.Invariant($"trajectory/{number}");
        var function = new SyntheticFunction(Rng.For(seed, purpose));
        Rng noise = Rng.For(seed, purpose + "/noise");
        var study = new Study(new StudyDefinition(purpose, function.Space.ToSearchSpace(), Direction.Minimize, seed + (ulong)number), Samplers[number % Samplers.Length]());
        study.Run(run => function.At(function.Space.Point(run.Parameters), noise), trials);
        Trial[] complete = [.. study.Trials.Where(t => t.State == TrialState.Complete)];
        return new Trajectory(purpose, [.. complete.Select(t => function.Space.Point(t.Parameters!))], [.. complete.Select(t => t.Values[0])]);
    }
}
