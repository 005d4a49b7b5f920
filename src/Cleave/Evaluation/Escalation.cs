using Cleave.Data;

namespace Cleave.Evaluation;

/// <summary>When a module hands an item to the monolith: where its confidence is below the threshold.</summary>
/// <param name="Threshold">Escalate where confidence is less than this; 0 never escalates a confidence in [0, 1], above 1
/// always does.</param>
/// <param name="Rate">The share of the validation items that is escalated.</param>
/// <param name="Module">The module's metric alone.</param>
/// <param name="Monolith">The monolith's metric alone.</param>
/// <param name="Cascade">The metric of both together.</param>
public sealed record Escalation(double Threshold, double Rate, double Module, double Monolith, double Cascade, int Items)
{
    /// <summary>What an item's score is expected to lose against the monolith's at most, where that was controlled; else null.</summary>
    public double? Risk { get; init; }

    /// <summary>At most this many thresholds are tried, evenly spread over the items by confidence.</summary>
    private const int MaxCuts = 400;

    /// <summary>
    /// The lowest escalation rate at which the cascade is at most <paramref name="tolerance"/> worse than the monolith on
    /// these items. Escalating everything always is, so there is always an answer.
    /// </summary>
    /// <param name="module">The module's predictions, with confidences.</param>
    public static Escalation Choose(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> module,
        IReadOnlyList<Prediction> monolith, double tolerance = 0)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(monolith);
        if (module.Count != examples.Count || monolith.Count != examples.Count)
            throw new ArgumentException("as many predictions of both sides as examples", nameof(module));
        // One set of scores, the module's first: a cascade is then a choice of n of its 2n items.
        IScored both = metric.Score([.. examples, .. examples], [.. module, .. monolith]);
        double sign = metric.HigherIsBetter ? 1 : -1;
        return Choose([.. module.Select(p => p.Confidence)], both.Value, sign, tolerance);
    }

    /// <summary>As the other overload, for a metric that is the mean of one score an item, higher being better.</summary>
    public static Escalation Choose(IReadOnlyList<double> confidences, IReadOnlyList<double> moduleScores,
        IReadOnlyList<double> monolithScores, double tolerance = 0)
    {
        ArgumentNullException.ThrowIfNull(confidences);
        ArgumentNullException.ThrowIfNull(moduleScores);
        ArgumentNullException.ThrowIfNull(monolithScores);
        if (moduleScores.Count != confidences.Count || monolithScores.Count != confidences.Count)
            throw new ArgumentException("as many scores of both sides as confidences", nameof(confidences));
        double[] scores = [.. moduleScores, .. monolithScores];
        return Choose([.. confidences], items =>
        {
            double sum = 0;
            foreach (int i in items)
                sum += scores[i];
            return sum / items.Length;
        }, 1, tolerance);
    }

    /// <summary>
    /// The lowest escalation rate at which an item's score is expected to lose at most <paramref name="risk"/> against the
    /// monolith's (<see cref="ConformalRisk"/>): a module that does better on one item makes up for none where it does worse.
    /// </summary>
    /// <param name="moduleScores">By item, in [0, 1], higher being better; see <see cref="ItemScores"/>.</param>
    public static Escalation Control(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> module, IReadOnlyList<Prediction> monolith,
        IReadOnlyList<double> moduleScores, IReadOnlyList<double> monolithScores, double risk)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(monolith);
        double[] shortfalls = [.. moduleScores.Zip(monolithScores, (m, r) => Math.Max(0, r - m))];
        ConformalThreshold found = ConformalRisk.Control([.. module.Select(p => p.Confidence)], shortfalls, risk);
        Prediction[] cascade = [.. module.Zip(monolith, (m, r) => m.Confidence < found.Threshold ? r : m)];
        return new Escalation(found.Threshold, found.Rate, metric.Score(examples, module).Value(), metric.Score(examples, monolith).Value(),
            metric.Score(examples, cascade).Value(), examples.Count)
        { Risk = risk };
    }

    private delegate double Quality(ReadOnlySpan<int> items);

    private static Escalation Choose(double[] confidences, Quality quality, double sign, double tolerance)
    {
        int n = confidences.Length;
        if (n == 0 || confidences.Any(double.IsNaN))
            throw new ArgumentException("at least one confidence, none of them undefined", nameof(confidences));
        if (!(tolerance >= 0))
            throw new ArgumentOutOfRangeException(nameof(tolerance), "a tolerance is at least 0");
        int[] order = [.. Enumerable.Range(0, n).OrderBy(i => confidences[i]).ThenBy(i => i)];
        int[] items = [.. Enumerable.Range(0, n)];
        double module = quality(items), monolith = quality([.. items.Select(i => i + n)]);
        int moved = 0;
        foreach (int cut in Cuts(confidences, order))
        {
            for (; moved < cut; moved++)
                items[order[moved]] += n;
            double cascade = quality(items);
            if (sign * (cascade - monolith) >= -tolerance - 1e-12)
                return new Escalation(Between(confidences, order, cut), (double)cut / n, module, monolith, cascade, n);
        }
        throw new InvalidOperationException("escalating every item equals the monolith");
    }

    /// <summary>Numbers of escalated items, ascending from 0 to n, between items of different confidence.</summary>
    private static IEnumerable<int> Cuts(double[] confidences, int[] order)
    {
        int n = order.Length, step = Math.Max(1, n / MaxCuts), next = 0;
        for (int k = 0; k < n; k++)
        {
            if (k < next || (k > 0 && confidences[order[k]] == confidences[order[k - 1]]))
                continue;
            yield return k;
            next = k + step;
        }
        yield return n;
    }

    /// <summary>Half way between the last escalated and the first kept confidence.</summary>
    internal static double Between(double[] confidences, int[] order, int cut)
    {
        if (cut == 0)
            return Math.Min(0, confidences[order[0]]);
        double below = confidences[order[cut - 1]];
        if (cut == order.Length)
            return Math.BitIncrement(Math.Max(1, below));
        double above = confidences[order[cut]], middle = below + (above - below) / 2;
        return middle > below ? middle : above;
    }
}
