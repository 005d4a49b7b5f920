using Cleave.Evaluation.Energy;
using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>The verdict on one module: both models side by side, the certificate in plain words, baselines, recipe.</summary>
internal static class CertificateCards
{
    public static void Write(Cards cards, ReportTask task, MetricStyle style)
    {
        Comparison(cards.Half("Module and monolith"), task, style);
        Certificate(cards.Half("What the certificate says"), task, style);
        if (task.Baselines.Count > 0)
            Baselines(cards.Half("Against plain baselines"), task, style);
        if (task.Recipe.Count > 0)
            Recipe(cards.Half("Recipe"), task);
    }

    /// <summary>The value in bold, the interval and the number of items below it.</summary>
    public static Markup Quality(MetricStyle style, ReportSide side)
    {
        string interval = style.Interval(side.Quality);
        Markup range = interval.Length > 0 ? Markup.Of($"<small>{interval}</small>") : Markup.Empty;
        return Markup.Of($"<b>{style.Value(side.Quality.Value)}</b>{range}<small>n = {Figures.Count(side.Items)}</small>");
    }

    private static void Comparison(HtmlBuilder html, ReportTask task, MetricStyle style)
    {
        (ReportSide big, ReportSide small) = (task.Monolith, task.Module);
        html.Add($"{TaskSection.Scroll("Comparison")}<table>");
        html.Add($"""<thead><tr><td></td><th scope="col"><i class="key monolith"></i>Monolith</th><th scope="col"><i class="key module"></i>Module</th><th scope="col">Change</th></tr></thead><tbody>""");
        html.Add($"""<tr><th scope="row">{task.Metric}<small>{(task.HigherIsBetter ? "more" : "less")} is better</small></th>""");
        html.Add($"<td>{Quality(style, big)}</td><td>{Quality(style, small)}</td><td>{style.Difference(small.Quality.Value - big.Quality.Value)}</td></tr>");
        Change(html, "Time an item", "median, batch 1", big.MillisecondsPerItem, small.MillisecondsPerItem, Figures.Milliseconds, Verdict.Speed);
        if (big.EnergyPerItem is { Joules: > 0 } more && small.EnergyPerItem is { Joules: > 0 } less)
            Energy(html, more, less);
        Change(html, "Weights", "", big.Bytes, small.Bytes, Figures.Bytes, Verdict.Size);
        Change(html, "Parameters", "", big.Parameters, small.Parameters, Figures.Parameters, Verdict.Fewer);
        html.Add($"</tbody></table></div>");
    }

    private static void Change(HtmlBuilder html, string name, string note, double big, double small, Func<double, string> write, Func<double, string> say)
    {
        Markup detail = note.Length > 0 ? Markup.Of($"<small>{note}</small>") : Markup.Empty;
        html.Add($"""<tr><th scope="row">{name}{detail}</th><td>{write(big)}</td><td>{write(small)}</td><td>{say(big / small)}</td></tr>""");
    }

    // Both sides are estimated with one power, so its uncertainty is not one of the ratio.
    private static void Energy(HtmlBuilder html, EnergyUse big, EnergyUse small) =>
        html.Add($"""<tr><th scope="row">Energy an item<small>mean, batch 1</small></th><td>{big.ToString()}</td><td>{small.ToString()}</td><td>{Verdict.Less(big.Joules / small.Joules)}</td></tr>""");

    private static void Certificate(HtmlBuilder html, ReportTask task, MetricStyle style)
    {
        ReportCertificate c = task.Certificate;
        var plot = new IntervalPlot([c.Difference, c.LowerBound, -1.4 * c.Margin, 0.4 * c.Margin, 0]);
        string words = $"difference {style.Difference(c.Difference)}, lower bound {style.Difference(c.LowerBound)}, margin {style.Amount(c.Margin)}";
        html.Add($"<p>{Verdict.InPlainWords(task)}</p>");
        html.Add($"""<div class="forest">{plot.Certificate(c.Difference, c.LowerBound, c.Margin, c.Passed, words)}""");
        html.Add($"""<div class="ticks" aria-hidden="true">""");
        if (c.Margin > 0)
            html.Add($"""<span class="limit" style="left:{plot.At(-c.Margin)}">margin</span>""");
        html.Add($"""<span style="left:{plot.At(0)}">equal</span></div></div>""");
        html.Add($"""<dl class="facts">""");
        TaskSection.Fact(html, "Test", c.Method);
        TaskSection.Fact(html, "Difference", style.Difference(c.Difference));
        TaskSection.Fact(html, $"Lower bound at {Figures.Confidence(c.Confidence)}", style.Difference(c.LowerBound));
        TaskSection.Fact(html, "Margin", style.Amount(c.Margin));
        if (c.PValue is { } p)
            TaskSection.Fact(html, "p-value", Figures.PValue(p));
        TaskSection.Fact(html, "Items", Figures.Count(c.Items));
        if (task.Energy.Length > 0)
            TaskSection.Fact(html, "Energy to find and prove it", task.Energy);
        html.Add($"</dl>");
    }

    private static void Baselines(HtmlBuilder html, ReportTask task, MetricStyle style)
    {
        (string Name, Estimate Quality, string Role)[] rows =
            [("Module", task.Module.Quality, "module"), ("Monolith", task.Monolith.Quality, "monolith"),
             .. task.Baselines.Select(b => (b.Name, b.Quality, "plain"))];
        var plot = new IntervalPlot(rows.SelectMany(r => new[] { r.Quality.Value, r.Quality.Low ?? r.Quality.Value, r.Quality.High ?? r.Quality.Value }));
        html.Add($"""{TaskSection.Scroll("Baselines")}<table class="rows">""");
        html.Add($"""<thead><tr><th scope="col">Method</th><th scope="col">{task.Metric}</th><th scope="col" class="plotted"><span class="sr">Plot</span></th></tr></thead><tbody>""");
        foreach ((string name, Estimate quality, string role) in rows)
        {
            string interval = style.Interval(quality);
            html.Add($"""<tr><th scope="row">{name}</th><td><b>{style.Value(quality.Value)}</b><small>{interval}</small></td><td class="plotted">{plot.Row(quality, role, $"{name}: {style.Value(quality.Value)} {interval}", task.Module.Quality.Value)}</td></tr>""");
        }
        html.Add($"""</tbody></table></div><p class="note">The thin line marks the module.</p>""");
    }

    private static void Recipe(HtmlBuilder html, ReportTask task)
    {
        html.Add($"""<p>The choices that make this module, found by the search or set in the project.</p>""");
        if (task.RecipeText.Length > 0)
            html.Add($"<p>{task.RecipeText}</p>");
        html.Add($"""<dl class="facts">""");
        foreach (NamedValue choice in task.Recipe)
            TaskSection.Fact(html, choice.Name, choice.Value);
        html.Add($"</dl>");
    }
}
