using Cleave.Numerics;

namespace Cleave.Tuning.Advice;

/// <summary>
/// Whether the next trial is advice's or the sampler's: the one whose share of gains, drawn from its posterior (Thompson, "On the likelihood that
/// one unknown probability exceeds another", 1933), is higher. Above that stands an allowance: advice starts at most
/// <see cref="Start"/> trials, plus a share of all, plus <see cref="Earned"/> for each gain that it has brought.
/// </summary>
/// <param name="share">Of the trials.</param>
public sealed class AdviceBandit(double share)
{
    /// <summary>The first trials are advice's, if there is any.</summary>
    public const int Start = 3;

    /// <summary>Further trials for each gain.</summary>
    public const int Earned = 4;

    /// <summary>Old results say little of what helps now.</summary>
    private const int Window = 20;

    /// <summary>How many trials advice may have started once so many trials are there.</summary>
    public int Allowance(int trials, int gains) => Start + (int)(share * trials) + Earned * gains;

    /// <param name="number">The trial that needs parameters.</param>
    /// <param name="rng">Of this trial.</param>
    public bool TakesAdvice(AdviceRecord record, int number, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(rng);
        if (record.Started >= Allowance(number, record.Gains))
            return false;
        return record.Started < Start || Draw(record.Advised, rng) > Draw(record.Own, rng);
    }

    /// <summary>A draw from Beta(1 + gains, 1 + others): that of n + 1 uniform numbers which is (1 + gains)th.</summary>
    private static double Draw(IReadOnlyList<bool> results, Rng rng)
    {
        bool[] recent = [.. results.TakeLast(Window)];
        double[] uniforms = [.. Enumerable.Range(0, recent.Length + 1).Select(_ => rng.NextDouble())];
        Array.Sort(uniforms);
        return uniforms[recent.Count(g => g)];
    }
}
