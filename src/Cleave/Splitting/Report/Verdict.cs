namespace Cleave.Splitting.Report;

/// <summary>The sentences that say how the split went, made from the numbers.</summary>
internal static class Verdict
{
    /// <summary>"4 of 4 modules certified; together 6.1× smaller and 9.0× faster than the monolith."</summary>
    public static string Headline(ReportModel model)
    {
        int certified = model.Tasks.Count(t => t.Certificate.Passed);
        string modules = model.Tasks.Count == 1 ? "module" : "modules";
        string[] gains = [.. new[] { Size(model.Totals.SizeRatio), Speed(model.Totals.SpeedUp) }.Where(g => g != Figures.None)];
        string together = model.Tasks.Count == 1 ? "" : "together ";
        return $"{certified} of {model.Tasks.Count} {modules} certified"
            + (gains.Length == 0 ? "." : $"; {together}{string.Join(" and ", gains)} {(gains[^1].StartsWith("the same", StringComparison.Ordinal) ? "as" : "than")} the monolith.");
    }

    public static string Size(double ratio) => Compare(ratio, "smaller", "larger", "the same size");

    public static string Speed(double ratio) => Compare(ratio, "faster", "slower", "the same speed");

    public static string Less(double ratio) => Compare(ratio, "less", "more", "the same");

    public static string Fewer(double ratio) => Compare(ratio, "fewer", "more", "the same number");

    /// <summary>What the certificate of one task means, for someone who has never met a confidence bound.</summary>
    public static string InPlainWords(ReportTask task)
    {
        var style = new MetricStyle(task);
        ReportCertificate c = task.Certificate;
        string here = c.Difference == 0 ? "exactly as good" : $"{style.Amount(Math.Abs(c.Difference))} {(c.Difference > 0 ? "better" : "worse")}";
        string bound = c.LowerBound >= 0
            ? "is no worse than the monolith at all"
            : $"is at most {style.Amount(-c.LowerBound)} worse than the monolith";
        string verdict = c.Passed
            ? "That is within the limit, so the module may take the monolith's place."
            : c.Difference < -c.Margin
                ? "That is beyond the limit, so the module does not get a certificate."
                : "The difference itself is within the limit, but chance alone could hide one that is not, so the module does not get "
                    + "a certificate: more held-out data or a larger module would settle it.";
        return $"Both models answered the same {Figures.Plural(c.Items, "item", "items")}, which no trial of the search had seen. "
            + $"On these the module is {here}. Allowing for chance, we can be "
            + $"{Figures.Confidence(c.Confidence)} confident that it {bound}. "
            + $"The project allows {style.Amount(c.Margin)}. {verdict}";
    }

    private static string Compare(double ratio, string more, string less, string same)
    {
        if (!double.IsFinite(ratio) || ratio <= 0)
            return Figures.None;
        return ratio is > 0.995 and < 1.005 ? same : ratio > 1 ? $"{Figures.Times(ratio)} {more}" : $"{Figures.Times(1 / ratio)} {less}";
    }
}
