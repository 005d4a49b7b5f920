using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>How to make this split again and know that it is the same.</summary>
internal static class ReproduceSection
{
    public static void Write(HtmlBuilder page, ReportModel model)
    {
        page.Add($"""<section class="task" aria-labelledby="reproduce"><div class="title"><h2 id="reproduce">How to reproduce this</h2></div>""");
        var cards = new Cards();
        HtmlBuilder html = cards.Wide("Command");
        html.Add($"{TaskSection.Scroll("Command")}<pre><code>{model.Command}</code></pre></div>");
        html.Add($"<p>The same project, seed, thread count and instruction set give the same modules, bit for bit; the measured times will differ.</p>");
        html.Add($"""<dl class="facts">""");
        TaskSection.Fact(html, "Base model", model.Base);
        TaskSection.Fact(html, "Seed", model.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture));
        TaskSection.Fact(html, "Processor", model.Machine.Cpu);
        TaskSection.Fact(html, "Cores and threads", $"{Figures.Plural(model.Machine.Cores, "core", "cores")}, {Figures.Plural(model.Machine.Threads, "thread", "threads")} used");
        TaskSection.Fact(html, "Time it took", Figures.Elapsed(model.Machine.Elapsed));
        if (model.Energy is { } energy)
        {
            TaskSection.Fact(html, "Energy it took", energy.ToString());
            TaskSection.Fact(html, "Processor time", $"{Figures.Significant(energy.CoreSeconds / 3600)} core hours");
            if (model.Prices is { } prices)
                TaskSection.Fact(html, "Cost", prices.Show(energy));
        }
        html.Add($"""<div class="long"><dt>Manifest</dt><dd><code>{model.ManifestHash}</code></dd></div></dl>""");
        if (model.Files.Count > 0)
        {
            html = cards.Wide("Data files");
            html.Add($"{TaskSection.Scroll("Data files")}<table>");
            html.Add($"""<thead><tr><th scope="col">File</th><th scope="col" class="number">Rows</th><th scope="col">SHA-256</th></tr></thead><tbody>""");
            foreach (ReportFile file in model.Files)
                html.Add($"""<tr><th scope="row">{file.Path}</th><td class="number">{Figures.Count(file.Rows)}</td><td><code>{file.Sha256}</code></td></tr>""");
            html.Add($"</tbody></table></div>");
        }
        cards.WriteTo(page);
        page.Add($"</section>");
    }
}
