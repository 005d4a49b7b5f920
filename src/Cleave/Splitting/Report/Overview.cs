using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>The first screen: verdict, the figures that matter, one row a task.</summary>
internal static class Overview
{
    public static void Write(HtmlBuilder html, ReportModel model)
    {
        html.Add($"""<a class="skip" href="#tasks">Skip to the tasks</a>""");
        Navigation(html, model);
        bool all = model.Tasks.All(t => t.Certificate.Passed);
        html.Add($"""<header class="hero">""");
        html.Add($"""<p class="eyebrow">Split report</p>""");
        html.Add($"<h1>{model.Project}</h1>");
        html.Add($"""<p class="verdict"><span class="mark {(all ? "pass" : "fail")}" aria-hidden="true"></span>{Verdict.Headline(model)}</p>""");
        html.Add($"""<p class="muted">Base model <strong>{model.Base}</strong>, split into {Figures.Plural(model.Tasks.Count, "specialist module", "specialist modules")} and compared with the monolith: the same base fine-tuned on every task together.</p>""");
        Tiles(html, model);
        Warnings(html, model);
        html.Add($"</header>");
        html.Add($"""<section class="card wide" aria-labelledby="summary">""");
        html.Add($"""<h2 id="summary">All tasks at a glance</h2>""");
        Table(html, model);
        html.Add($"</section>");
    }

    private static void Navigation(HtmlBuilder html, ReportModel model)
    {
        html.Add($"""<nav class="bar" aria-label="Sections"><div class="links">""");
        html.Add($"""<a href="#summary">Summary</a>""");
        for (int i = 0; i < model.Tasks.Count; i++)
            html.Add($"""<a href="#task-{i}">{model.Tasks[i].Name}</a>""");
        html.Add($"""<a href="#reproduce">Reproduce</a></div>""");
        html.Add($"""<button type="button" id="theme" hidden>Dark</button></nav>""");
    }

    private static void Tiles(HtmlBuilder html, ReportModel model)
    {
        ReportTotals totals = model.Totals;
        int passed = model.Tasks.Count(t => t.Certificate.Passed);
        html.Add($"""<dl class="tiles">""");
        Tile(html, "Certified", $"{passed} of {model.Tasks.Count}", "not worse than the monolith by more than the margin, on unseen data");
        Tile(html, "Size", Verdict.Size(totals.SizeRatio), $"{Figures.Bytes(totals.MonolithBytes)} → {Figures.Bytes(totals.ModulesBytes)}, all modules together");
        Tile(html, "Speed", Verdict.Speed(totals.SpeedUp), "time an item at batch 1, over all tasks");
        if (model.Router is { } router)
        {
            string interval = router.Accuracy is { Low: { } low, High: { } high }
                ? $" ({Figures.Percent(low).TrimEnd('%')} – {Figures.Percent(high)})" : "";
            Tile(html, "Router", Figures.Percent(router.Accuracy.Value),
                $"right module{interval}, {Figures.Plural(router.Items, "item", "items")}, {Figures.Nanoseconds(router.MicrosecondsPerItem * 1e3)} an item");
        }
        html.Add($"</dl>");
    }

    private static void Tile(HtmlBuilder html, string name, string figure, string note) =>
        html.Add($"""<div class="tile"><dt>{name}</dt><dd><b>{figure}</b><span>{note}</span></dd></div>""");

    private static void Warnings(HtmlBuilder html, ReportModel model)
    {
        if (model.Warnings.Count == 0)
            return;
        html.Add($"""<aside class="warnings" aria-label="Warnings"><h2>Before you rely on this</h2><ul>""");
        foreach (string warning in model.Warnings)
            html.Add($"<li>{warning}</li>");
        html.Add($"</ul></aside>");
    }

    private static void Table(HtmlBuilder html, ReportModel model)
    {
        html.Add($"""{TaskSection.Scroll("Summary table")}<table class="summary">""");
        html.Add($"""<thead><tr><th scope="col">Task</th><th scope="col">Verdict</th><th scope="col">Monolith</th><th scope="col">Module</th><th scope="col" class="plotted">Difference against the margin</th><th scope="col">Time an item</th><th scope="col">Weights</th></tr></thead><tbody>""");
        IntervalPlot plot = CommonPlot(model);
        for (int i = 0; i < model.Tasks.Count; i++)
            Row(html, model.Tasks[i], i, plot);
        html.Add($"</tbody></table></div>");
        html.Add($"""<p class="note">Difference: module against monolith, to the right is better. The bar runs from the lower confidence bound to the measured difference; it must stay clear of the shaded zone, which begins at the margin. Tasks are drawn to the scale of their own margin.</p>""");
    }

    private static void Row(HtmlBuilder html, ReportTask task, int index, IntervalPlot plot)
    {
        var style = new MetricStyle(task);
        ReportCertificate c = task.Certificate;
        double unit = Unit(c);
        string words = $"difference {style.Difference(c.Difference)}, lower bound {style.Difference(c.LowerBound)}, margin {style.Amount(c.Margin)}";
        html.Add($"""<tr><th scope="row"><a href="#task-{index}">{task.Name}</a><small>{task.Kind} · {task.Metric}{(task.HigherIsBetter ? "" : ", less is better")}</small></th>""");
        html.Add($"<td>{Badge(c.Passed)}</td><td>{CertificateCards.Quality(style, task.Monolith)}</td><td>{CertificateCards.Quality(style, task.Module)}</td>");
        html.Add($"""<td class="plotted">{plot.Certificate(c.Difference / unit, c.LowerBound / unit, c.Margin / unit, c.Passed, words)}<small>{style.Difference(c.Difference)}, at worst {style.Difference(c.LowerBound)}</small><small>margin {style.Amount(c.Margin)}</small></td>""");
        html.Add($"""<td><b>{Verdict.Speed(task.Monolith.MillisecondsPerItem / task.Module.MillisecondsPerItem)}</b><small>{Figures.Milliseconds(task.Monolith.MillisecondsPerItem)} → {Figures.Milliseconds(task.Module.MillisecondsPerItem)}</small></td>""");
        html.Add($"""<td><b>{Verdict.Size((double)task.Monolith.Bytes / task.Module.Bytes)}</b><small>{Figures.Bytes(task.Monolith.Bytes)} → {Figures.Bytes(task.Module.Bytes)}</small></td></tr>""");
    }

    public static Markup Badge(bool passed) => passed
        ? new("""<span class="badge pass">certified</span>""")
        : new("""<span class="badge fail">not certified</span>""");

    /// <summary>One margin is the unit; where the margin is zero, the largest number in sight is.</summary>
    private static double Unit(ReportCertificate c)
    {
        if (c.Margin > 0)
            return c.Margin;
        double size = Math.Max(Math.Abs(c.Difference), Math.Abs(c.LowerBound));
        return size > 0 && double.IsFinite(size) ? size : 1;
    }

    private static IntervalPlot CommonPlot(ReportModel model) => new(model.Tasks
        .SelectMany(t => new[] { t.Certificate.Difference, t.Certificate.LowerBound, -1.5 * t.Certificate.Margin, 0.75 * t.Certificate.Margin }
            .Select(x => Math.Clamp(x / Unit(t.Certificate), -4, 4))));
}
