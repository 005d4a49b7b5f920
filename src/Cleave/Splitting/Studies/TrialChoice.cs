namespace Cleave.Splitting.Studies;

/// <summary>Which of a search's trials is to be certified.</summary>
internal static class TrialChoice
{
    /// <summary>As likely as that to pass its certificate, a candidate is safe.</summary>
    public const double Safe = 0.95;

    /// <summary>So much less likely than the likeliest, where none is safe, a candidate is nearly as likely.</summary>
    public const double Nearly = 0.1;

    /// <summary>
    /// Of the safe candidates the best among the cheapest: those that cost at most twice as much as the cheapest, because a little cost buys safety from
    /// a lucky candidate. Where none is safe, the cheapest of those that are nearly as likely to pass as the likeliest: of many that are about as good,
    /// the best is the luckiest.
    /// </summary>
    /// <param name="candidates">The cheapest first; at least one.</param>
    /// <param name="odds">How likely a candidate is to pass; not asked of those that are too dear beside a safe one.</param>
    public static T Of<T>(IReadOnlyList<T> candidates, Func<T, double> cost, Func<T, double> quality, Func<T, double> odds)
        where T : class
    {
        var asked = new List<(T Candidate, double Odds)>();
        double? dearest = null;
        foreach (T candidate in candidates)
        {
            if (cost(candidate) > dearest)
                break;
            asked.Add((candidate, odds(candidate)));
            if (asked[^1].Odds >= Safe)
                dearest ??= 2 * cost(candidate);
        }
        return dearest is not null ? asked.Where(a => a.Odds >= Safe).MaxBy(a => quality(a.Candidate)).Candidate
            : asked.First(a => a.Odds >= asked.Max(each => each.Odds) - Nearly).Candidate;
    }
}
