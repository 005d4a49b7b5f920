namespace Cleave.Tuning.Advice;

/// <summary>
/// What advice and the study's own sampler have brought so far, from the trials and the advice log alone. A trial is advised where its
/// parameters are those of a proposal that was there when it began; it is a gain where it dominates a trial that was on the front before it,
/// which for one objective is a new best.
/// </summary>
public sealed class AdviceRecord
{
    private readonly List<bool> _advised = [], _own = [];

    /// <param name="history">Trials with parameters, by number.</param>
    public AdviceRecord(StudyDefinition study, IReadOnlyList<AdviceExchange> exchanges, IReadOnlyList<Trial> history)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(exchanges);
        ArgumentNullException.ThrowIfNull(history);
        var proposed = new Dictionary<ParameterSet, int>();
        foreach (AdviceExchange exchange in exchanges)
        {
            foreach (Proposal proposal in exchange.Proposals)
                proposed.TryAdd(proposal.Parameters, exchange.Trial);
        }
        var front = new List<double[]>();
        foreach (Trial trial in history)
        {
            bool advised = proposed.TryGetValue(trial.Parameters!, out int since) && since <= trial.Number;
            Started += advised ? 1 : 0;
            if (!trial.IsFinished)
                continue;
            bool first = front.Count == 0;
            bool gain = Joins(front, study, trial);
            if (!first) // nothing was there to be better than
                (advised ? _advised : _own).Add(gain);
        }
    }

    /// <summary>Advised trials, running ones included.</summary>
    public int Started { get; }

    /// <summary>Of finished advised trials in order: whether each was a gain.</summary>
    public IReadOnlyList<bool> Advised => _advised;

    /// <summary>The same for all other trials.</summary>
    public IReadOnlyList<bool> Own => _own;

    public int Gains => _advised.Count(g => g);

    private static bool Joins(List<double[]> front, StudyDefinition study, Trial trial)
    {
        if (trial.State != TrialState.Complete || trial.Violation > 0)
            return false;
        double[] losses = ParetoFront.ToLosses(trial.Values, study.Directions);
        if (front.Exists(f => ParetoFront.Dominates(f, losses)))
            return false;
        bool gain = front.RemoveAll(f => ParetoFront.Dominates(losses, f)) > 0;
        front.Add(losses);
        return gain;
    }
}
