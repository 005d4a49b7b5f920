using System.Globalization;

namespace Cleave.Splitting.Report;

/// <summary>
/// How one task's metric is written: shares as per cent with differences in points, everything else
/// (perplexity, correlations) as plain numbers.
/// </summary>
internal sealed class MetricStyle
{
    private static readonly string[] Plain = ["perplexity", "matthews", "bits-per-byte", "loss"];

    public MetricStyle(ReportTask task)
    {
        Estimate[] all = [task.Monolith.Quality, task.Module.Quality, .. task.Baselines.Select(b => b.Quality)];
        IsShare = task.HigherIsBetter && !Plain.Contains(task.Metric, StringComparer.OrdinalIgnoreCase)
            && all.All(e => !(e.Value < 0 || e.Value > 1));
        HigherIsBetter = task.HigherIsBetter;
    }

    public bool IsShare { get; }
    public bool HigherIsBetter { get; }

    public string Value(double? x) =>
        x is not { } v ? Figures.None : IsShare ? Figures.Percent(v) : Figures.Significant(v);

    /// <summary>"90.1 – 92.3", or empty where no interval is known.</summary>
    public string Interval(Estimate e)
    {
        if (e.Low is not { } low || e.High is not { } high)
            return "";
        return IsShare ? $"{Figures.Percent(low).TrimEnd('%')} – {Figures.Percent(high)}" : $"{Value(low)} – {Value(high)}";
    }

    /// <summary>A signed difference: "+0.3 points" or "−0.12".</summary>
    public string Difference(double d)
    {
        if (!double.IsFinite(d))
            return Figures.None;
        string amount = Amount(Math.Abs(d));
        return IsZero(amount) ? amount : (d < 0 ? "\u2212" : "+") + amount;
    }

    /// <summary>A size without sign: "1.0 point", "0.12".</summary>
    public string Amount(double d)
    {
        if (!IsShare)
            return Figures.Significant(d);
        string number = (d * 100).ToString("0.0#", CultureInfo.InvariantCulture);
        return number + (number == "1.0" ? " point" : " points");
    }

    private static bool IsZero(string amount) => !amount.Any(c => c is >= '1' and <= '9');
}
