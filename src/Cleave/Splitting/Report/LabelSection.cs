using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>Where the models go wrong: the confusion matrix, the commonest mix-ups, scores for each label.</summary>
internal static class LabelSection
{
    private const int MixUpsShown = 8;

    public static void Write(Cards cards, ReportTask task, int index)
    {
        if (task.Module.Confusion is { Labels.Count: > 0 } confusion)
        {
            WriteConfusion(cards, task, confusion, index);
            WriteMixUps(cards.Half("Commonest mix-ups"), task, confusion);
        }
        if (task.Module.Labels.Count > 0)
            WriteScores(cards.Wide("Scores for each label"), task);
    }

    private static void WriteConfusion(Cards cards, ReportTask task, Confusion confusion, int index)
    {
        HtmlBuilder html = cards.Wide("Which labels it mixes up", task.Monolith.Confusion is { Labels.Count: > 0 }
            ? TaskSection.Switch("side", "Model", ("module", "Module"), ("monolith", "Monolith")) : default);
        html.Add($"<p>{Figures.Plural(confusion.Labels.Count, "label", "labels")}: rows are what was expected, columns what was predicted, shaded by the share of their row. Blue is right, orange is wrong; empty cells are left out.</p>");
        string size = confusion.Labels.Count switch { <= 4 => "", <= 12 => "tall", _ => "square" };
        TaskSection.Chart(html, "confusion", index, "Confusion matrix, expected against predicted label", size);
    }

    private static void WriteMixUps(HtmlBuilder html, ReportTask task, Confusion confusion)
    {
        int n = confusion.Labels.Count;
        var worst = (from i in Enumerable.Range(0, n)
                     from j in Enumerable.Range(0, n)
                     where i != j && confusion.Counts[i][j] > 0
                     orderby confusion.Counts[i][j] descending, i, j
                     select (Expected: i, Predicted: j, Count: confusion.Counts[i][j])).Take(MixUpsShown).ToArray();
        if (worst.Length == 0)
        {
            html.Add($"<p>None: every item got its label.</p>");
            return;
        }
        Confusion? other = task.Monolith.Confusion is { } m && m.Labels.SequenceEqual(confusion.Labels, StringComparer.Ordinal) ? m : null;
        html.Add($"""{TaskSection.Scroll("Mix-ups")}<table><thead><tr><th scope="col">Expected</th><th scope="col">Predicted</th><th scope="col" class="number">Module</th>""");
        if (other is not null)
            html.Add($"""<th scope="col" class="number">Monolith</th>""");
        html.Add($"</tr></thead><tbody>");
        foreach ((int expected, int predicted, int count) in worst)
        {
            html.Add($"""<tr><td>{confusion.Labels[expected]}</td><td>{confusion.Labels[predicted]}</td><td class="number">{Figures.Count(count)}</td>""");
            if (other is not null)
                html.Add($"""<td class="number">{Figures.Count(other.Counts[expected][predicted])}</td>""");
            html.Add($"</tr>");
        }
        html.Add($"</tbody></table></div>");
    }

    private static void WriteScores(HtmlBuilder html, ReportTask task)
    {
        Dictionary<string, LabelScore> monolith = task.Monolith.Labels.DistinctBy(l => l.Label, StringComparer.Ordinal)
            .ToDictionary(l => l.Label, StringComparer.Ordinal);
        var plot = new IntervalPlot([0, 1]);
        html.Add($"""{TaskSection.Scroll("Scores for each label", "short")}<table class="rows">""");
        html.Add($"""<thead><tr><th scope="col">Label</th><th scope="col" class="number">Items</th><th scope="col" class="number">Precision</th><th scope="col" class="number">Recall</th><th scope="col" class="number">F1</th><th scope="col" class="plotted">F1 from 0 to 100%{Key(monolith.Count > 0)}</th></tr></thead><tbody>""");
        foreach (LabelScore s in task.Module.Labels)
        {
            LabelScore? big = monolith.GetValueOrDefault(s.Label);
            html.Add($"""<tr><th scope="row">{s.Label}</th><td class="number">{Figures.Count(s.Support)}</td><td class="number">{Figures.Percent(s.Precision)}</td><td class="number">{Figures.Percent(s.Recall)}</td><td class="number">{Figures.Percent(s.F1)}</td>""");
            html.Add($"""<td class="plotted">{plot.Pair(s.F1, big?.F1, $"{s.Label}: module {Figures.Percent(s.F1)}{(big is null ? "" : $", monolith {Figures.Percent(big.F1)}")}")}</td></tr>""");
        }
        html.Add($"</tbody></table></div>");
    }

    private static Markup Key(bool monolith) => monolith
        ? new("""<small><i class="key module"></i>module <i class="key monolith"></i>monolith</small>""") : Markup.Empty;
}
