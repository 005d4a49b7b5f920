using System.Text;
using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>
/// Writes the report of a split as one HTML file that needs nothing else: styles, scripts and data are inside,
/// and a content security policy forbids the page every request.
/// </summary>
public static class HtmlReport
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Renders the page as UTF-8 and leaves the stream open; the same model gives the same bytes.</summary>
    /// <exception cref="ArgumentException">The model has no tasks, or a confusion matrix is not square.</exception>
    public static void Render(ReportModel model, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(destination);
        Check(model);
        using var writer = new StreamWriter(destination, Utf8, 1 << 16, leaveOpen: true);
        writer.Write(Page(model));
    }

    private static string Page(ReportModel model)
    {
        var html = new HtmlBuilder();
        Overview.Write(html, model);
        html.Add($"""<main id="tasks">""");
        for (int i = 0; i < model.Tasks.Count; i++)
            TaskSection.Write(html, model.Tasks[i], i);
        ReproduceSection.Write(html, model);
        html.Add($"</main>");
        return HtmlPage.Of($"{model.Project} – split report", "report.js", html.ToMarkup(), ChartData.Of(model));
    }

    private static void Check(ReportModel model)
    {
        if (model.Tasks.Count == 0)
            throw new ArgumentException("a report needs at least one task", nameof(model));
        foreach (ReportTask task in model.Tasks)
        {
            foreach (Confusion? c in new[] { task.Monolith.Confusion, task.Module.Confusion })
            {
                if (c is not null && (c.Counts.Count != c.Labels.Count || c.Counts.Any(row => row.Count != c.Labels.Count)))
                    throw new ArgumentException($"task {task.Name}: the confusion matrix must be labels × labels", nameof(model));
            }
        }
    }
}
