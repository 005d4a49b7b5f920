using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>How the module was found: the trade-off between quality and cost, the history, every trial.</summary>
internal static class StudySection
{
    public static void WriteTradeOff(Cards cards, ReportStudy study, MetricStyle style, int index)
    {
        int Of(ReportTrialState state) => study.Trials.Count(t => t.State == state);
        bool plotted = study.Trials.Any(t => t.Quality is not null && (t.NanosecondsPerItem is > 0 || t.Bytes is > 0));
        HtmlBuilder html = cards.Wide("What the search found",
            plotted ? TaskSection.Switch("cost", "Cost axis", ("time", "Time"), ("bytes", "Size")) : default);
        string stopped = Of(ReportTrialState.Stopped) is > 0 and var s ? $", {Figures.Count(s)} stopped early" : "";
        string failed = Of(ReportTrialState.Failed) is > 0 and var f ? $", {Figures.Count(f)} failed" : "";
        html.Add($"<p>{Figures.Plural(study.Trials.Count, "trial", "trials")} by {study.Sampler}: {Figures.Count(Of(ReportTrialState.Complete))} complete{stopped}{failed}. {Figures.Plural(study.Trials.Count(t => t.OnFront), "recipe is", "recipes are")} on the front: nothing tried is both better and cheaper.</p>");
        if (plotted)
            TaskSection.Chart(html, "pareto", index, "Validation quality against cost of every trial, with the front and the chosen recipe", "tall");
        Trials(html, study, style);
        if (study.Space.Count > 0)
            Space(html, study);
    }

    public static void WriteHistory(Cards cards, int index) =>
        TaskSection.Chart(cards.Half("How the search went"), "history", index, "Validation quality of each trial and the best so far", "medium");

    private static void Space(HtmlBuilder html, ReportStudy study)
    {
        html.Add($"""<details><summary>What was searched</summary><dl class="facts">""");
        foreach (NamedValue parameter in study.Space)
            TaskSection.Fact(html, parameter.Name, parameter.Value);
        html.Add($"</dl></details>");
    }

    private static void Trials(HtmlBuilder html, ReportStudy study, MetricStyle style)
    {
        string[] names = [.. study.Trials.SelectMany(t => t.Recipe).Select(p => p.Name).Distinct(StringComparer.Ordinal)];
        bool energy = study.Trials.Any(t => t.Energy is not null), notes = study.Trials.Any(t => t.Note.Length > 0);
        html.Add($"""<details><summary>Every trial as a table</summary>{TaskSection.Scroll("Trials", "short")}<table class="dense">""");
        html.Add($"""<thead><tr><th scope="col">Trial</th><th scope="col">State</th><th scope="col">Quality</th><th scope="col">Cost an item</th><th scope="col">Weights</th>""");
        if (energy)
            html.Add($"""<th scope="col">Energy</th>""");
        foreach (string name in names)
            html.Add($"""<th scope="col">{name}</th>""");
        if (notes)
            html.Add($"""<th scope="col">Note</th>""");
        html.Add($"</tr></thead><tbody>");
        foreach (ReportTrial trial in study.Trials)
        {
            html.Add($"""<tr class="{Class(trial)}"><th scope="row">{trial.Number}</th><td>{State(trial)}</td><td>{style.Value(trial.Quality)}</td>""");
            html.Add($"<td>{(trial.NanosecondsPerItem is { } ns ? Figures.Nanoseconds(ns) : Figures.None)}</td><td>{(trial.Bytes is { } b ? Figures.Bytes(b) : Figures.None)}</td>");
            if (energy)
                html.Add($"<td>{trial.Energy?.ToString() ?? Figures.None}</td>");
            foreach (string name in names)
                html.Add($"<td>{trial.Recipe.FirstOrDefault(p => p.Name == name)?.Value ?? ""}</td>");
            if (notes)
                html.Add($"<td>{trial.Note}</td>");
            html.Add($"</tr>");
        }
        html.Add($"</tbody></table></div></details>");
    }

    private static string Class(ReportTrial t) => t.Chosen ? "chosen" : t.State == ReportTrialState.Complete ? "" : "faded";

    private static string State(ReportTrial t) => t.State switch
    {
        ReportTrialState.Stopped => "stopped",
        ReportTrialState.Failed => "failed",
        _ when t.Chosen => "chosen",
        _ when t.OnFront => "on the front",
        _ => "complete",
    };
}
