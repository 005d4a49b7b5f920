using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Cleave.Formats.Html;

/// <summary>
/// A page in one file that needs nothing else: styles, scripts and data are inside, and a content security policy forbids it every request.
/// </summary>
internal static class HtmlPage
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly Lazy<string> Charts = new(() => Asset("charts.js"));
    private static readonly Lazy<string> Style = new(() => Asset("report.css"));

    /// <param name="script">The embedded script that brings the body to life, such as <c>report.js</c>.</param>
    /// <param name="data">JSON that is safe inside a script element.</param>
    public static string Of(string title, string script, Markup body, Markup data)
    {
        Markup code = new(Charts.Value + "\n" + Asset(script));
        string hash = Convert.ToBase64String(SHA256.HashData(Utf8.GetBytes(code.Html)));
        string policy = $"default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
        var html = new HtmlBuilder();
        html.Add($"<!doctype html>");
        html.Add($"""<html lang="en">""").Add($"<head>");
        html.Add($"""<meta charset="utf-8">""");
        html.Add($"""<meta http-equiv="Content-Security-Policy" content="{policy}">""");
        html.Add($"""<meta name="viewport" content="width=device-width, initial-scale=1">""");
        html.Add($"""<meta name="color-scheme" content="light dark">""");
        html.Add($"<title>{title}</title>");
        html.Add($"<style>{new Markup(Style.Value)}</style>");
        html.Add($"</head>").Add($"<body>");
        html.Add(body);
        html.Add($"""<script type="application/json" id="data">{data}</script>""");
        html.Add($"<script>{code}</script>");
        html.Add($"</body>").Add($"</html>");
        return html.ToString();
    }

    private static string Asset(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Cleave.Assets." + name)
            ?? throw new InvalidOperationException($"the assembly was built without its page asset {name}");
        using var reader = new StreamReader(stream, Utf8);
        return reader.ReadToEnd();
    }
}
