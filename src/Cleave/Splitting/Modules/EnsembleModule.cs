using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models.Sampling;
using Cleave.Training.Ensembles;

namespace Cleave.Splitting.Modules;

/// <summary>How several classifiers' answers become one.</summary>
public enum Combination
{
    /// <summary>The mean of their calibrated probabilities.</summary>
    Mean,

    /// <summary>Votes of stated weights for the likeliest class of each (<see cref="Samme"/>).</summary>
    Vote,

    /// <summary>A regression on their calibrated probabilities (<see cref="Stacker"/>).</summary>
    Stack,
}

/// <summary>
/// Several classifiers that answer together. Every one of them reads every text, so it costs what they cost together: bytes, parameters and time
/// are sums.
/// </summary>
public sealed class EnsembleModule : IClassifierModule
{
    private const double SmallestProbability = 1e-9;
    private readonly IReadOnlyList<IClassifierModule> _members;
    private readonly IReadOnlyList<double> _votes;
    private readonly Stacker? _stacker;

    /// <param name="members">Of the same labels; owned by this module.</param>
    /// <param name="votes">For <see cref="Combination.Vote"/>, one a member.</param>
    /// <param name="stacker">For <see cref="Combination.Stack"/>.</param>
    /// <exception cref="ArgumentException">The members answer differently, or the combination does not fit them.</exception>
    public EnsembleModule(string task, IReadOnlyList<IClassifierModule> members, Combination combination, IReadOnlyList<double>? votes = null, Stacker? stacker = null)
    {
        ArgumentNullException.ThrowIfNull(members);
        if (members.Count == 0 || members.Any(m => !m.Labels.SequenceEqual(members[0].Labels)))
            throw new ArgumentException("an ensemble has members, and all of them the same labels", nameof(members));
        if (combination == Combination.Vote && votes?.Count != members.Count)
            throw new ArgumentException($"a vote for each of {members.Count} members is needed", nameof(votes));
        if (combination == Combination.Stack && (stacker?.Members != members.Count || stacker.Classes != members[0].Labels.Count))
            throw new ArgumentException($"a regression over {members.Count} members and {members[0].Labels.Count} classes is needed", nameof(stacker));
        (Task, _members, Combination, _votes, _stacker) = (task, members, combination, votes ?? [], stacker);
    }

    public string Task { get; }
    public TaskKind Kind => TaskKind.Classify;
    public Combination Combination { get; }
    public IReadOnlyList<string> Labels => _members[0].Labels;
    public IReadOnlyList<IClassifierModule> Members => _members;
    public long WeightBytes => _members.Sum(m => m.WeightBytes) + sizeof(float) * (_votes.Count + (_stacker?.Weights.Length ?? 0));
    public long Parameters => _members.Sum(m => m.Parameters) + _votes.Count + (_stacker?.Weights.Length ?? 0);
    public double Temperature { get; set; } = 1;

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<Example> items, CancellationToken cancellation = default) =>
        ClassPredictions.Of(Logits(items, cancellation), Labels, Temperature);

    /// <summary>For a mean the logarithms of the mean probabilities, so that a student of them learns from all members alike.</summary>
    public IReadOnlyList<float[]> Logits(IReadOnlyList<Example> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        IReadOnlyList<float[]>[] said = [.. _members.Select(m => Probabilities(m, items, cancellation))];
        return [.. items.Select((_, i) => Combine([.. said.Select(p => p[i])]))];
    }

    /// <summary>A classifier's calibrated probabilities, by item.</summary>
    public static IReadOnlyList<float[]> Probabilities(IClassifierModule module, IReadOnlyList<Example> items, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(module);
        var scaling = new TemperatureScaling(module.Temperature, 0, 0, 0);
        IReadOnlyList<float[]> rows = module.Logits(items, cancellation);
        foreach (float[] row in rows)
            scaling.Apply(row, row);
        return rows;
    }

    public void Dispose()
    {
        foreach (IClassifierModule member in _members)
            member.Dispose();
    }

    private float[] Combine(float[][] probabilities) => Combination switch
    {
        Combination.Vote => Samme.Count(_votes, [.. probabilities.Select(p => TokenSampler.ArgMax(p))], Labels.Count),
        Combination.Stack => _stacker!.Logits(probabilities),
        _ => [.. Enumerable.Range(0, Labels.Count).Select(k => (float)Math.Log(Math.Max(SmallestProbability, probabilities.Average(p => (double)p[k]))))],
    };
}
