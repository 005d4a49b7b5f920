namespace Cleave.Tuning.Pruners;

/// <summary>
/// Hyperband (Li et al., JMLR 2018) with asynchronous halving: trials are dealt in turn to brackets whose first rung stands later and later, each a
/// <see cref="SuccessiveHalvingPruner"/> among its own trials, so that late bloomers are not all lost to an early rung.
/// </summary>
public sealed class HyperbandPruner : IPruner
{
    private readonly SuccessiveHalvingPruner[] _brackets;
    private readonly int[] _turns;

    /// <param name="minResource">The first rung of the first bracket, in steps counted from 1.</param>
    /// <param name="maxResource">How many steps a whole trial has; the last bracket never stops one before.</param>
    /// <param name="factor">One in this many goes on.</param>
    public HyperbandPruner(int minResource = 1, int maxResource = 64, int factor = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxResource, minResource);
        var brackets = new List<SuccessiveHalvingPruner>();
        for (long first = minResource; first <= maxResource; first *= factor)
            brackets.Add(new SuccessiveHalvingPruner((int)first, factor));
        _brackets = [.. brackets];
        // A bracket that stops early gets more trials for the same cost: s + 1 rungs share n = ⌈(most + 1) / (s + 1) · factorˢ⌉ in the paper.
        int most = _brackets.Length - 1;
        _turns = [.. Enumerable.Range(0, _brackets.Length).SelectMany(b => Enumerable.Repeat(b,
            Math.Min(32, (int)Math.Ceiling((most + 1.0) / (most - b + 1) * Math.Pow(factor, most - b))))).OrderBy(b => b)];
        Interleave(_turns);
    }

    public string Name => "hyperband";

    public bool ShouldStop(Direction direction, IReadOnlyList<Trial> trials, Trial trial)
    {
        ArgumentNullException.ThrowIfNull(trial);
        int bracket = BracketOf(trial);
        return _brackets[bracket].ShouldStop(direction, Of(trials, bracket), trial);
    }

    public Trial? Promote(Direction direction, IReadOnlyList<Trial> trials) => Enumerable.Range(0, _brackets.Length)
        .Select(b => _brackets[b].Promote(direction, Of(trials, b))).FirstOrDefault(t => t is not null);

    private int BracketOf(Trial trial) => _turns[trial.Number % _turns.Length];

    private Trial[] Of(IReadOnlyList<Trial> trials, int bracket) => [.. trials.Where(t => BracketOf(t) == bracket)];

    /// <summary>Spreads the turns of each bracket evenly over the cycle.</summary>
    private static void Interleave(int[] turns)
    {
        int[] sorted = [.. turns];
        double[] keys = new double[turns.Length];
        for (int i = 0, first = 0; i < sorted.Length; i++)
        {
            first = i > 0 && sorted[i] != sorted[i - 1] ? i : first;
            int count = sorted.Count(b => b == sorted[i]);
            keys[i] = (i - first + 0.5) / count + sorted[i] * 1e-6;
        }
        Array.Sort(keys, turns);
    }
}
