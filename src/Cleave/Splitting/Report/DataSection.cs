using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>What the models saw: the data after cleaning, and held-out items with both answers.</summary>
internal static class DataSection
{
    public static void Write(Cards cards, ReportTask task, int index)
    {
        if (task.Cleaning is { } cleaning)
            WriteCleaning(cards.Half("The data"), cleaning, index);
        if (task.Examples.Count > 0)
            WriteExamples(cards.Wide("Examples from the held-out data"), task);
    }

    private static void WriteCleaning(HtmlBuilder html, ReportCleaning cleaning, int index)
    {
        html.Add($"""<dl class="facts">""");
        TaskSection.Fact(html, "Rows kept", Figures.Count(cleaning.Rows));
        TaskSection.Fact(html, "Missing values", Figures.Count(cleaning.Missing));
        TaskSection.Fact(html, "Duplicates", Figures.Count(cleaning.Duplicates));
        TaskSection.Fact(html, "In training and test alike", Figures.Count(cleaning.CrossSplitDuplicates));
        TaskSection.Fact(html, "Same text, different label", Figures.Count(cleaning.ConflictingLabels));
        if (cleaning.Labels.Count > 0)
        {
            long few = cleaning.Labels.Min(l => l.Count), many = cleaning.Labels.Max(l => l.Count);
            TaskSection.Fact(html, "Labels", few == many ? $"{Figures.Count(cleaning.Labels.Count)}, with {Figures.Plural(few, "row", "rows")}{(cleaning.Labels.Count > 1 ? " each" : "")}"
                : $"{Figures.Count(cleaning.Labels.Count)}, with {Figures.Count(few)} to {Figures.Count(many)} rows each");
        }
        html.Add($"</dl>");
        if (cleaning.Labels.Count > 0)
            TaskSection.Chart(html, "counts", index, "Training rows of each label", "low");
    }

    private static void WriteExamples(HtmlBuilder html, ReportTask task)
    {
        html.Add($"""{TaskSection.Scroll("Examples", "short")}<table class="examples">""");
        html.Add($"""<thead><tr><th scope="col">Text</th><th scope="col">Expected</th><th scope="col">Monolith</th><th scope="col">Module</th></tr></thead><tbody>""");
        foreach (ReportExample e in task.Examples)
            html.Add($"<tr><td>{e.Text}</td><td>{e.Expected}</td><td>{Answer(e.Monolith, e.MonolithRight)}</td><td>{Answer(e.Module, e.ModuleRight)}</td></tr>");
        html.Add($"</tbody></table></div>");
    }

    private static Markup Answer(string text, bool right) =>
        Markup.Of($"""<span class="answer {(right ? "right" : "wrong")}"><span class="sr">{(right ? "right: " : "wrong: ")}</span>{(text.Length > 0 ? text : "(nothing)")}</span>""");
}
