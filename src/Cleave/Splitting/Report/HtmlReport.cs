using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Cleave.Splitting.Report;

/// <summary>
/// Writes the report of a split as one HTML file that needs nothing else: styles, scripts and data are inside,
/// and a content security policy forbids the page every request.
/// </summary>
public static class HtmlReport
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly Lazy<string> Charts = new(() => Asset("charts.js"));
    private static readonly Lazy<string> Script = new(() => Asset("report.js"));
    private static readonly Lazy<string> Style = new(() => Asset("report.css"));

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
        Markup script = new(Charts.Value + "\n" + Script.Value);
        string policy = $"default-src 'none'; script-src 'sha256-{Hash(script.Html)}'; style-src 'unsafe-inline'; "
            + "img-src data:; base-uri 'none'; form-action 'none'";
        var html = new HtmlBuilder();
        html.Add($"<!doctype html>");
        html.Add($"""<html lang="en">""").Add($"<head>");
        html.Add($"""<meta charset="utf-8">""");
        html.Add($"""<meta http-equiv="Content-Security-Policy" content="{policy}">""");
        html.Add($"""<meta name="viewport" content="width=device-width, initial-scale=1">""");
        html.Add($"""<meta name="color-scheme" content="light dark">""");
        html.Add($"<title>{model.Project} – split report</title>");
        html.Add($"<style>{new Markup(Style.Value)}</style>");
        html.Add($"</head>").Add($"<body>");
        Overview.Write(html, model);
        html.Add($"""<main id="tasks">""");
        for (int i = 0; i < model.Tasks.Count; i++)
            TaskSection.Write(html, model.Tasks[i], i);
        ReproduceSection.Write(html, model);
        html.Add($"</main>");
        html.Add($"""<script type="application/json" id="data">{ChartData.Of(model)}</script>""");
        html.Add($"<script>{script}</script>");
        html.Add($"</body>").Add($"</html>");
        return html.ToString();
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

    private static string Hash(string script) => Convert.ToBase64String(SHA256.HashData(Utf8.GetBytes(script)));

    private static string Asset(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Cleave.Assets." + name)
            ?? throw new InvalidOperationException($"the assembly was built without its page asset {name}");
        using var reader = new StreamReader(stream, Utf8);
        return reader.ReadToEnd();
    }
}
