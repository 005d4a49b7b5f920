using Cleave.Tuning.Samplers.GaussianProcesses;

namespace Cleave.Tuning.Samplers.Proposals;

/// <summary>
/// Proposes the point of the largest expected improvement by a model that has learnt from many other studies what objectives look like (Müller et al.,
/// "PFNs4BO", 2023), in place of one that is fitted to this study. Several objectives are made one by weights drawn anew for each trial (Knowles,
/// "ParEGO", 2006); constraints are modelled like objectives.
/// </summary>
public sealed class ProposerSampler : ISampler
{
    /// <summary>The name in study and project files.</summary>
    public const string SamplerName = "proposer";

    private readonly IValueModel _model;
    private readonly QuasiRandomSampler _spread = new();

    public ProposerSampler(IValueModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
    }

    public string Name => SamplerName;

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        SearchSpace space = input.Study.Space;
        if (GpData.Of(input, StartupFor(space)) is not { } data)
            return _spread.Suggest(input);
        var order = new TrialRanks(data.Ended, input.Study.Directions);
        int[] seen = data.Select(data.Ended.Length, Math.Max(1, _model.MostTrials - Math.Min(data.Running.Length, _model.MostTrials / 2)), order.BestFirst, order.BestFirst[0]);
        double[] losses = OneObjective([.. data.Losses.Select(o => seen.Select(t => o[t]).ToArray())], input);
        double[] values = PowerTransform.Apply(losses);
        int[] feasible = [.. Enumerable.Range(0, seen.Length).Where(i => Array.BinarySearch(order.Feasible, seen[i]) >= 0)];
        using var odds = new ProposalOdds(_model, space, [.. seen.Select(t => data.Ended[t])], data.Running, values, feasible.Length > 0 ? feasible.Min(i => values[i]) : null,
            [.. data.Constraints.Select(c => seen.Select(t => c[t]).ToArray())]);
        double[][] centres = [.. order.BestFirst.Take(data.Losses.Length > 1 ? 20 : 5).Select(t => Coordinates.Encode(space, data.Ended[t].Parameters!))];
        HashSet<ParameterSet>? tried = space.Parameters.All(p => p.Count is not null) ? [.. input.History.Select(t => t.Parameters!)] : null;
        return new ProposalSearch(input, odds, tried).Run(centres) ?? _spread.Suggest(input);
    }

    /// <summary>Trials that are spread evenly before the model is asked.</summary>
    public static int StartupFor(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return Math.Min(8, 3 + space.Parameters.Count / 3);
    }

    /// <summary>Objectives × trials → one value a trial: the largest weighted loss, and a little of all.</summary>
    private static double[] OneObjective(double[][] losses, SamplerInput input)
    {
        if (losses.Length == 1)
            return losses[0];
        const double OfAll = 0.05;
        Numerics.Rng rng = input.Random(SamplerName + "/weights");
        double[] weights = [.. losses.Select(_ => -Math.Log(1 - rng.NextDouble()))]; // uniform on the simplex, once they are divided by their sum
        double[][] scaled = [.. losses.Select(o => Scaled(PowerTransform.Apply(o)))];
        double[] one = new double[losses[0].Length];
        for (int t = 0; t < one.Length; t++)
        {
            double most = 0, sum = 0;
            for (int o = 0; o < losses.Length; o++)
            {
                double part = weights[o] * scaled[o][t];
                (most, sum) = (Math.Max(most, part), sum + part);
            }
            one[t] = (most + OfAll * sum) / weights.Sum();
        }
        return one;
    }

    private static double[] Scaled(double[] values)
    {
        double least = values.Min(), range = values.Max() - least;
        return [.. values.Select(v => range > 0 ? (v - least) / range : 0)];
    }
}
