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
        html.Add($"""<div class="grid">""");
        Comparison(html, task, style);
        Certificate(html, task, style);
        Baselines(html, task, style);
        Recipe(html, task);
        if (task.Study is { } study)
            StudySection.Write(html, task, study, style, index);
        Curves(html, task, index);
        LabelSection.Write(html, task, index);
        Calibration(html, task, style, index);
        DataSection.Write(html, task, index);
        html.Add($"</div></section>");
    }

    private static void Comparison(HtmlBuilder html, ReportTask task, MetricStyle style)
    {
        (ReportSide big, ReportSide small) = (task.Monolith, task.Module);
        html.Add($"""<article class="card"><h3>Module and monolith</h3><div class="scroll" tabindex="0" role="region" aria-label="Comparison"><table>""");
        html.Add($"""<thead><tr><td></td><th scope="col"><i class="key monolith"></i>Monolith</th><th scope="col"><i class="key module"></i>Module</th><th scope="col">Change</th></tr></thead><tbody>""");
        html.Add($"""<tr><th scope="row">{task.Metric}<small>{(task.HigherIsBetter ? "more" : "less")} is better</small></th>""");
        html.Add($"<td>{Quality(style, big)}</td><td>{Quality(style, small)}</td><td>{style.Difference(small.Quality.Value - big.Quality.Value)}</td></tr>");
        Change(html, "Time an item", "median, batch 1", big.MillisecondsPerItem, small.MillisecondsPerItem, Figures.Milliseconds, Verdict.Speed);
        Change(html, "Weights", "", big.Bytes, small.Bytes, Figures.Bytes, Verdict.Size);
        Change(html, "Parameters", "", big.Parameters, small.Parameters, Figures.Parameters, r => Verdict.Size(r).Replace("smaller", "fewer", StringComparison.Ordinal).Replace("larger", "more", StringComparison.Ordinal));
        html.Add($"</tbody></table></div></article>");
    }

    private static Markup Quality(MetricStyle style, ReportSide side) =>
        Markup.Of($"<b>{style.Value(side.Quality.Value)}</b><small>{style.Interval(side.Quality)} n = {Figures.Count(side.Items)}</small>");

    private static void Change(HtmlBuilder html, string name, string note, double big, double small, Func<double, string> write, Func<double, string> say)
    {
        Markup small2 = note.Length > 0 ? Markup.Of($"<small>{note}</small>") : Markup.Empty;
        html.Add($"""<tr><th scope="row">{name}{small2}</th><td>{write(big)}</td><td>{write(small)}</td><td>{say(big / small)}</td></tr>""");
    }

    private static void Certificate(HtmlBuilder html, ReportTask task, MetricStyle style)
    {
        ReportCertificate c = task.Certificate;
        var plot = new IntervalPlot([c.Difference, c.LowerBound, -1.4 * c.Margin, 0.4 * c.Margin, 0]);
        html.Add($"""<article class="card"><h3>What the certificate says</h3>""");
        html.Add($"<p>{Verdict.InPlainWords(task)}</p>");
        html.Add($"""<div class="forest">{plot.Certificate(c.Difference, c.LowerBound, c.Margin, c.Passed, $"difference {style.Difference(c.Difference)}, lower bound {style.Difference(c.LowerBound)}, margin {style.Amount(c.Margin)}")}""");
        html.Add($"""<div class="ticks" aria-hidden="true"><span style="left:{plot.At(-c.Margin)}">{(c.Margin > 0 ? "margin" : "")}</span><span style="left:{plot.At(0)}">no difference</span></div></div>""");
        html.Add($"""<dl class="facts">""");
        Fact(html, "Test", c.Method);
        Fact(html, "Difference", style.Difference(c.Difference));
        Fact(html, $"Lower bound at {Figures.Confidence(c.Confidence)}", style.Difference(c.LowerBound));
        Fact(html, "Margin", style.Amount(c.Margin));
        if (c.PValue is { } p)
            Fact(html, "p-value", Figures.PValue(p));
        Fact(html, "Items", Figures.Count(c.Items));
        html.Add($"</dl></article>");
    }

    private static void Baselines(HtmlBuilder html, ReportTask task, MetricStyle style)
    {
        if (task.Baselines.Count == 0)
            return;
        (string Name, Estimate Quality, string Role)[] rows =
            [("Module", task.Module.Quality, "module"), ("Monolith", task.Monolith.Quality, "monolith"),
             .. task.Baselines.Select(b => (b.Name, b.Quality, "plain"))];
        var plot = new IntervalPlot(rows.SelectMany(r => new[] { r.Quality.Value, r.Quality.Low ?? r.Quality.Value, r.Quality.High ?? r.Quality.Value }));
        html.Add($"""<article class="card"><h3>Against plain baselines</h3><div class="scroll" tabindex="0" role="region" aria-label="Baselines"><table class="rows">""");
        html.Add($"""<thead><tr><th scope="col">Method</th><th scope="col">{task.Metric}</th><th scope="col" class="plotted">Interval</th></tr></thead><tbody>""");
        foreach ((string name, Estimate quality, string role) in rows)
        {
            string interval = style.Interval(quality);
            html.Add($"""<tr><th scope="row">{name}</th><td>{style.Value(quality.Value)}</td><td class="plotted">{plot.Row(quality, role, $"{name}: {style.Value(quality.Value)} {interval}", task.Module.Quality.Value)}<small>{interval}</small></td></tr>""");
        }
        html.Add($"""</tbody></table></div><p class="note">The thin line is the module.</p></article>""");
    }

    private static void Recipe(HtmlBuilder html, ReportTask task)
    {
        if (task.Recipe.Count == 0)
            return;
        html.Add($"""<article class="card"><h3>Recipe</h3><dl class="facts">""");
        foreach (NamedValue choice in task.Recipe)
            Fact(html, choice.Name, choice.Value);
        html.Add($"</dl></article>");
    }

    private static void Curves(HtmlBuilder html, ReportTask task, int index)
    {
        if (!task.Curves.Any(c => c.Points.Count > 0))
            return;
        html.Add($"""<article class="card"><h3>Learning curves</h3>""");
        Chart(html, "curves", index, "Loss and validation quality while training, for the module and the monolith");
        html.Add($"</article>");
    }

    private static void Calibration(HtmlBuilder html, ReportTask task, MetricStyle style, int index)
    {
        if (task.Calibration is null && task.Escalation is null)
            return;
        html.Add($"""<article class="card"><h3>Can its confidence be trusted?</h3>""");
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
        html.Add($"</article>");
    }

    public static void Fact(HtmlBuilder html, string name, string value) =>
        html.Add($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    /// <summary>A place for a chart: the script draws it, the description stands for it elsewhere.</summary>
    public static void Chart(HtmlBuilder html, string kind, int index, string description, string size = "") =>
        html.Add($"""<div class="chart {size}" data-chart="{kind}" data-task="{index}" role="img" aria-label="{description}"></div>""");

    /// <summary>Buttons that switch what the charts of a card show.</summary>
    public static void Switch(HtmlBuilder html, string setting, string label, params (string Value, string Text)[] choices)
    {
        html.Add($"""<div class="switch" role="group" aria-label="{label}">""");
        for (int i = 0; i < choices.Length; i++)
            html.Add($"""<button type="button" data-set="{setting}" data-value="{choices[i].Value}" aria-pressed="{(i == 0 ? "true" : "false")}">{choices[i].Text}</button>""");
        html.Add($"</div>");
    }
}
