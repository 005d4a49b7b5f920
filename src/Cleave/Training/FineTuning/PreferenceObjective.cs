using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.FineTuning;

/// <summary>Two answers to one prompt; only their own tokens are supervised.</summary>
public sealed record PreferencePair(TaskItem Preferred, TaskItem Other)
{
    /// <summary>Both as one item, for dealing batches.</summary>
    internal TaskItem Both => new([.. Preferred.Ids, .. Other.Ids], [.. Preferred.Targets, .. Other.Targets], Preferred.Example);
}

/// <summary>
/// Direct preference optimization (<see cref="Op.PreferenceLoss"/>) of one transformer against the one that it was in the beginning, whose
/// log-likelihoods are computed once, before the first update.
/// </summary>
public sealed class PreferenceObjective
{
    private readonly Transformer _trunk;
    private readonly float _beta;
    private readonly TokenBatch _batch = new();
    private readonly List<int> _rows = [], _targets = [], _counts = [];
    private readonly IReadOnlyList<PreferencePair> _pairs;
    private readonly double[] _reference;

    /// <param name="pairs">All pairs, found again by <see cref="TaskItem.Example"/> as their index.</param>
    /// <param name="ranks">Who shares the work on the reference; null for this process alone.</param>
    public PreferenceObjective(Transformer trunk, IReadOnlyList<PreferencePair> pairs, float beta, ICollective? ranks = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        (_trunk, _pairs, _beta, _reference) = (trunk, pairs, beta, new double[2 * pairs.Count]);
        ranks ??= OneProcess.Instance;
        using var tape = new Tape(records: false);
        for (int pair = ranks.Rank; pair < pairs.Count; pair += ranks.Size)
        {
            cancellation.ThrowIfCancellationRequested();
            Tensor logits = Logits(tape, [pair]);
            Op.LogLikelihoods(logits, Span(_targets), Span(_counts), _reference.AsSpan(2 * pair, 2));
            tape.Reset();
        }
        ranks.AllReduceSum(_reference);
    }

    /// <summary>Runs pairs and records their loss, times <paramref name="weight"/>.</summary>
    /// <param name="items">Items whose <see cref="TaskItem.Example"/> are pairs' indices.</param>
    /// <returns>The mean loss, and the share of pairs in which the preferred answer gained more than the other.</returns>
    public (double Loss, double Accuracy) Loss(Tape tape, IReadOnlyList<TaskItem> items, float weight = 1)
    {
        ArgumentNullException.ThrowIfNull(items);
        int[] pairs = [.. items.Select(i => i.Example)];
        Tensor logits = Logits(tape, pairs);
        double[] reference = [.. pairs.SelectMany(p => _reference.AsSpan(2 * p, 2).ToArray())];
        return Op.PreferenceLoss(tape, logits, Span(_targets), Span(_counts), reference, _beta, weight);
    }

    private Tensor Logits(Tape tape, int[] pairs)
    {
        _batch.Clear();
        _rows.Clear();
        _targets.Clear();
        _counts.Clear();
        foreach (TaskItem item in pairs.SelectMany(p => new[] { _pairs[p].Preferred, _pairs[p].Other }))
        {
            int start = _batch.Tokens;
            _batch.Add(item.Ids);
            for (int i = 0; i < item.Targets.Length; i++)
            {
                if (item.Targets[i] < 0)
                    continue;
                _rows.Add(start + i);
                _targets.Add(item.Targets[i]);
            }
            _counts.Add(item.Supervised);
        }
        return _trunk.Logits(tape, Op.GatherRows(tape, _trunk.Forward(tape, _batch), _rows.ToArray()));
    }

    private static ReadOnlySpan<T> Span<T>(List<T> list) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(list);
}
