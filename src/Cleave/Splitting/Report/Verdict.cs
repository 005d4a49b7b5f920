namespace Cleave.Splitting.Report;

/// <summary>The sentences that say how the split went, made from the numbers.</summary>
internal static class Verdict
{
    /// <summary>"4 of 4 modules certified; together 6.1× smaller and 9.0× faster than the monolith."</summary>
    public static string Headline(ReportModel model)
    {
        int certified = model.Tasks.Count(t => t.Certificate.Passed);
        string modules = model.Tasks.Count == 1 ? "module" : "modules";
        string together = model.Tasks.Count == 1 ? "" : "together ";
        return $"{certified} of {model.Tasks.Count} {modules} certified; {together}{Size(model.Totals.SizeRatio)} and "
            + $"{Speed(model.Totals.SpeedUp)} than the monolith.";
    }

    public static string Size(double ratio) => Compare(ratio, "smaller", "larger", "no smaller");

    public static string Speed(double ratio) => Compare(ratio, "faster", "slower", "no faster");

    /// <summary>What the certificate of one task means, for someone who has never met a confidence bound.</summary>
    public static string InPlainWords(ReportTask task)
    {
        var style = new MetricStyle(task);
        ReportCertificate c = task.Certificate;
        string better = c.Difference >= 0 ? "better" : "worse";
        string bound = c.LowerBound >= 0
            ? "is no worse than the monolith at all"
            : $"is at most {style.Amount(-c.LowerBound)} worse than the monolith";
        string verdict = c.Passed
            ? "That is within the limit, so the module may take the monolith's place."
            : "That is beyond the limit, so the module does not get a certificate: it may be as good, but this data does not show it.";
        return $"Both models answered the same {Figures.Plural(c.Items, "item", "items")}, which no trial of the search had seen. "
            + $"On these the module is {style.Amount(Math.Abs(c.Difference))} {better}. Allowing for chance, we can be "
            + $"{Figures.Confidence(c.Confidence)} confident that it {bound}. "
            + $"The project allows {style.Amount(c.Margin)}. {verdict}";
    }

    private static string Compare(double ratio, string more, string less, string same)
    {
        if (!double.IsFinite(ratio) || ratio <= 0)
            return same;
        if (ratio is > 0.995 and < 1.005)
            return same;
        return ratio > 1 ? $"{Figures.Times(ratio)} {more}" : $"{Figures.Times(1 / ratio)} {less}";
    }
}
