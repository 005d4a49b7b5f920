using System.Globalization;
using System.Text;
using Cleave.Formats.Html;

namespace Cleave.Tuning.Report;

/// <summary>Writes what a study found as one HTML file that needs nothing else; without scripts its numbers are in tables.</summary>
public static class StudyReport
{
    private static readonly int[] Counts = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

    private const int MostRows = 500;

    /// <summary>Renders the page as UTF-8 and leaves the stream open; the same trials give the same bytes.</summary>
    public static void Render(StudyDefinition study, IReadOnlyList<Trial> trials, string sampler, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(trials);
        ArgumentNullException.ThrowIfNull(destination);
        var data = new StudyPageData(study, trials);
        var html = new HtmlBuilder();
        html.Add($"""<nav class="bar" aria-label="Sections"><div class="links"><a href="#found">Found</a><a href="#why">Why</a><a href="#trials">Trials</a></div>""");
        html.Add($"""<button type="button" id="theme" hidden>Dark</button></nav>""");
        Head(html, study, trials, sampler, data);
        html.Add($"""<main><section class="task" id="found"><div class="title"><h2>What was found</h2></div><div class="grid">""");
        for (int o = 0; o < study.Directions.Count; o++)
            Card(html, $"Optimization history{data.Suffix(o)}", "history", o, "Each trial, and the best so far.", wide: study.Directions.Count == 1);
        if (study.Directions.Count > 1)
            Card(html, "Pareto front", "pareto", 0, "Trials that no other one beats in every objective, by the first two.", wide: true);
        html.Add($"</div></section>");
        html.Add($"""<section class="task" id="why"><div class="title"><h2>Why</h2></div><div class="grid">""");
        for (int o = 0; o < study.Directions.Count; o++)
        {
            Card(html, $"Importance{data.Suffix(o)}", "importance", o, data.Importance[o] is null ? "Too few complete trials to tell."
                : "The share of the variance of the trials' ranks that each parameter explains by itself (functional ANOVA); what is missing to 100% lies in their interplay.", wide: false);
            Card(html, $"Two most important parameters{data.Suffix(o)}", "contour", o, "Values between the trials are smoothed over their neighbours in these two parameters, whatever the others were.", wide: false);
        }
        Card(html, "Parallel coordinates", "parallel", 0, "A line a trial, the better the stronger.", wide: true, tall: true);
        for (int p = 0; p < study.Space.Parameters.Count; p++)
            Card(html, study.Space.Parameters[p].Name, "slice", p, "", wide: false);
        html.Add($"</div></section>");
        Table(html, study, trials, data);
        html.Add($"</main>");
        using var writer = new StreamWriter(destination, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
        writer.Write(HtmlPage.Of($"{study.Name} – study", "study.js", html.ToMarkup(), data.ToJson()));
    }

    private static void Head(HtmlBuilder html, StudyDefinition study, IReadOnlyList<Trial> trials, string sampler, StudyPageData data)
    {
        int Of(Func<Trial, bool> which) => trials.Count(which);
        html.Add($"""<header class="hero"><p class="eyebrow">Study</p><h1>{study.Name}</h1>""");
        html.Add($"""<p class="lead">{trials.Count} trials by {sampler}: {Of(t => t.State == TrialState.Complete)} complete, {Of(t => t.IsStopped)} stopped early, {Of(t => t.State == TrialState.Failed)} failed.</p>""");
        if (data.Front.Count == 0)
        {
            html.Add($"""<p class="verdict">No trial is complete and feasible.</p></header>""");
            return;
        }
        html.Add($"""<dl class="tiles">""");
        if (study.Directions.Count == 1)
        {
            Trial best = data.Front[0];
            html.Add($"""<div class="tile"><dt>best value</dt><dd><b>{Number(best.Values[0])}</b><span>trial {best.Number}</span></dd></div>""");
            foreach ((string name, ParameterValue value) in best.Parameters!)
                html.Add($"""<div class="tile"><dt>{name}</dt><dd><b>{Show(value)}</b></dd></div>""");
            html.Add($"</dl>");
            Bought(html, trials, data, best);
        }
        else
        {
            html.Add($"""<div class="tile"><dt>Pareto front</dt><dd><b>{data.Front.Count}</b><span>trials</span></dd></div></dl>""");
        }
        html.Add($"</header>");
    }

    /// <summary>What was bought with what: what the study would have found with fewer trials.</summary>
    private static void Bought(HtmlBuilder html, IReadOnlyList<Trial> trials, StudyPageData data, Trial best)
    {
        html.Add($"""<div class="scroll"><table class="dense"><caption class="sr">What more trials bought</caption><thead><tr><th>What was bought with what</th><th class="number">best value</th><th class="number">by trial</th></tr></thead><tbody>""");
        foreach (int count in Counts.Where(c => c < trials.Count).Append(trials.Count))
        {
            if (data.BestOf(count) is { } then)
                html.Add($"""<tr><th>{count} trials</th><td class="number">{Number(then.Values[0])}</td><td class="number">{then.Number}</td></tr>""");
        }
        html.Add($"</tbody></table></div>");
        int after = trials.Count - 1 - best.Number;
        html.Add($"""<p class="note">Steps that trials took: {trials.Sum(t => (long)t.Steps.Count).ToString("N0", CultureInfo.InvariantCulture)}. Trials after the best one: {after}.</p>""");
    }

    private static void Card(HtmlBuilder html, string title, string chart, int index, string note, bool wide, bool tall = false)
    {
        html.Add($"""<section class="card{(wide ? " wide" : "")}"><div class="head"><h3>{title}</h3></div><div class="chart{(tall ? " tall" : "")}" data-chart="{chart}" data-index="{index}"></div>""");
        if (note.Length > 0)
            html.Add($"""<p class="note">{note}</p>""");
        html.Add($"</section>");
    }

    private static void Table(HtmlBuilder html, StudyDefinition study, IReadOnlyList<Trial> trials, StudyPageData data)
    {
        html.Add($"""<section class="task" id="trials"><div class="title"><h2>Trials</h2></div><div class="card"><div class="scroll short"><table class="dense"><thead><tr><th>trial</th><th>state</th>""");
        for (int o = 0; o < study.Directions.Count; o++)
            html.Add($"""<th class="number">value{data.Suffix(o)}</th>""");
        foreach (Parameter parameter in study.Space.Parameters)
            html.Add($"<th>{parameter.Name}</th>");
        html.Add($"<th>note</th></tr></thead><tbody>");
        foreach (Trial trial in trials.Where(t => t.Parameters is not null).TakeLast(MostRows))
        {
            html.Add($"""<tr class="{(data.IsOnFront(trial) ? "chosen" : trial.State == TrialState.Complete ? "" : "faded")}"><th>{trial.Number}</th><td>{State(trial)}</td>""");
            for (int o = 0; o < study.Directions.Count; o++)
                html.Add($"""<td class="number">{(o < trial.Values.Count ? Number(trial.Values[o]) : "–")}</td>""");
            foreach (Parameter parameter in study.Space.Parameters)
                html.Add($"<td>{(trial.Parameters!.TryGet(parameter.Name, out ParameterValue value) ? Show(value) : "")}</td>");
            html.Add($"<td>{trial.Note ?? ""}</td></tr>");
        }
        html.Add($"</tbody></table></div>");
        if (trials.Count > MostRows)
            html.Add($"""<p class="note">The last {MostRows} of {trials.Count} trials; all are in the study's storage.</p>""");
        html.Add($"</div></section>");
    }

    private static string State(Trial trial) => trial.State == TrialState.Complete && trial.Violation > 0 ? "infeasible" : trial.State.ToString().ToLowerInvariant();

    private static string Show(ParameterValue value) => value.IsNumber ? Number(value.AsDouble()) : value.ToString();

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
