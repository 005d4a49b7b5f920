using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>The section of one task, from the verdict to the data it rests on.</summary>
internal static class TaskSection
{
    public static void Write(HtmlBuilder html, ReportTask task, int index)
    {
        var style = new MetricStyle(task);
        html.Add($"""<section class="task" id="task-{index}" aria-labelledby="task-{index}-name">""");
        html.Add($"""<div class="title"><h2 id="task-{index}-name">{task.Name}</h2>{Overview.Badge(task.Certificate.Passed)}<span class="muted">{task.Kind} · {task.Metric}</span></div>""");
        html.Add($"""<p class="lead">{task.Certificate.Sentence}</p>""");
        var cards = new Cards();
        CertificateCards.Write(cards, task, style);
        if (task.Study is { } study)
            StudySection.WriteTradeOff(cards, study, style, index);
        if (task.Study is { } searched && searched.Trials.Any(t => t.Quality is not null))
            StudySection.WriteHistory(cards, index);
        Curves(cards, task, style, index);
        LabelSection.Write(cards, task, index);
        Calibration(cards, task, style, index);
        DataSection.Write(cards, task, index);
        cards.WriteTo(html);
        html.Add($"</section>");
    }

    private static void Curves(Cards cards, ReportTask task, MetricStyle style, int index)
    {
        LearningCurve[] curves = [.. task.Curves.Where(ChartData.HasPoints)];
        if (curves.Length == 0)
            return;
        HtmlBuilder html = cards.Half("Learning curves");
        Chart(html, "curves", index, "Loss and validation quality while training, for the module and the monolith", "medium");
        html.Add($"""<ul class="note">""");
        foreach (LearningCurve curve in curves)
        {
            double? loss = curve.Points.LastOrDefault(p => p.Loss is not null)?.Loss, quality = curve.Points.LastOrDefault(p => p.Quality is not null)?.Quality;
            string reached = string.Join(", ", new[] { loss is { } l ? "loss " + Figures.Significant(l) : "", quality is { } q ? $"{task.Metric} {style.Value(q)}" : "" }
                .Where(part => part.Length > 0));
            html.Add($"<li>{curve.Name}, at {curve.Unit} {Figures.Significant(curve.Points[^1].At)}: {reached}</li>");
        }
        html.Add($"</ul>");
    }

    private static void Calibration(Cards cards, ReportTask task, MetricStyle style, int index)
    {
        if (task.Calibration is null && task.Escalation is null)
            return;
        HtmlBuilder html = cards.Half("Can its confidence be trusted?");
        if (task.Calibration is { } calibration)
        {
            html.Add($"<p>Expected calibration error <b>{Figures.Percent(calibration.Error)}</b>: how far, on average, the module's confidence is from how often it is right.</p>");
            if (calibration.Bins.Any(b => b.Items > 0))
                Chart(html, "reliability", index, "Accuracy against confidence; on the diagonal the confidence is honest");
        }
        if (task.Escalation is { } e)
        {
            string interval = style.Interval(e.Quality);
            html.Add($"<p>Below a confidence of <b>{Figures.Percent(e.Threshold)}</b> an item goes to the monolith: <b>{Figures.Percent(e.Rate)}</b> of the items. Together they reach <b>{style.Value(e.Quality.Value)}</b>{(interval.Length > 0 ? $" ({interval})" : "")}.</p>");
        }
    }

    public static void Fact(HtmlBuilder html, string name, string value) =>
        html.Add($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    /// <summary>A place for a chart: the script draws it, the description stands for it elsewhere.</summary>
    public static void Chart(HtmlBuilder html, string kind, int index, string description, string size = "") =>
        html.Add($"""<div class="chart {size}" data-chart="{kind}" data-task="{index}" role="img" aria-label="{description}"></div>""");

    /// <summary>Opens a box that scrolls on its own and can be reached with the keyboard; close it with a div.</summary>
    public static Markup Scroll(string label, string more = "") =>
        Markup.Of($"""<div class="scroll {more}" tabindex="0" role="region" aria-label="{label}">""");

    /// <summary>Buttons that switch what the charts of a card show.</summary>
    public static Markup Switch(string setting, string label, params (string Value, string Text)[] choices)
    {
        var html = new HtmlBuilder();
        html.Add($"""<div class="switch" role="group" aria-label="{label}">""");
        for (int i = 0; i < choices.Length; i++)
            html.Add($"""<button type="button" data-set="{setting}" data-value="{choices[i].Value}" aria-pressed="{(i == 0 ? "true" : "false")}">{choices[i].Text}</button>""");
        return html.Add($"</div>").ToMarkup();
    }
}
