namespace Cleave.Evaluation;

/// <summary>A threshold of confidence that keeps a loss in check.</summary>
/// <param name="Threshold">Items of a confidence below this are handed over; 0 hands over none, above 1 all.</param>
/// <param name="Rate">The share of the items that is handed over.</param>
/// <param name="Loss">The mean loss over all items, those handed over counting 0.</param>
/// <param name="Risk">What the expected loss of one more item is at most.</param>
public sealed record ConformalThreshold(double Threshold, double Rate, double Loss, double Risk, int Items);

/// <summary>
/// Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster 2022, theorem 1): with n items whose losses
/// L_i(λ) ≤ B fall as λ grows, λ̂ = inf { λ : (Σ L_i(λ) + B) / (n + 1) ≤ α } has E[L_{n+1}(λ̂)] ≤ α for one more item that is
/// exchangeable with them, whatever the confidences are worth.
/// </summary>
public static class ConformalRisk
{
    /// <summary>
    /// The lowest threshold that keeps the risk, where an item costs its loss if it is kept and nothing if it is handed over.
    /// With fewer than B/α − 1 items everything is handed over.
    /// </summary>
    /// <param name="losses">Of keeping each item, in [0, <paramref name="most"/>].</param>
    /// <param name="risk">α, above 0.</param>
    /// <param name="most">B.</param>
    public static ConformalThreshold Control(IReadOnlyList<double> confidences, IReadOnlyList<double> losses, double risk, double most = 1)
    {
        ArgumentNullException.ThrowIfNull(confidences);
        ArgumentNullException.ThrowIfNull(losses);
        if (confidences.Count != losses.Count || confidences.Count == 0 || confidences.Any(double.IsNaN))
            throw new ArgumentException("as many losses as confidences, at least one, none of them undefined", nameof(losses));
        if (!(risk > 0) || !(most > 0) || losses.Any(l => !(l >= 0 && l <= most)))
            throw new ArgumentOutOfRangeException(nameof(risk), "a risk above 0, and losses from 0 to the most");
        int n = confidences.Count;
        double[] scores = [.. confidences];
        int[] order = [.. Enumerable.Range(0, n).OrderBy(i => scores[i]).ThenBy(i => i)];
        // behind[k]: what is lost where all but the first k items are kept; summed from the sure end, so that it is 0 at the end.
        var behind = new double[n + 1];
        for (int k = n - 1; k >= 0; k--)
            behind[k] = behind[k + 1] + losses[order[k]];
        const double Rounding = 1e-12;
        for (int k = 0; k < n; k++)
        {
            bool parted = k == 0 || scores[order[k]] > scores[order[k - 1]];
            if (parted && behind[k] + most <= risk * (n + 1) + Rounding)
                return new ConformalThreshold(Escalation.Between(scores, order, k), (double)k / n, behind[k] / n, risk, n);
        }
        return new ConformalThreshold(Escalation.Between(scores, order, n), 1, 0, risk, n);
    }
}
