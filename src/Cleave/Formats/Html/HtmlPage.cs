using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Cleave.Formats.Html;

/// <summary>
/// A page in one file that needs nothing else: styles, scripts and data are inside, and a content security policy forbids it every request
/// but, where that is said, those to its own server.
/// </summary>
internal static class HtmlPage
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly Lazy<string> Charts = new(() => Asset("charts.js"));
    private static readonly Lazy<string> Style = new(() => Asset("report.css"));

    /// <param name="script">The embedded script that brings the body to life, such as <c>report.js</c>.</param>
    /// <param name="data">JSON that is safe inside a script element.</param>
    /// <param name="style">An embedded style sheet behind the common one; null for none.</param>
    /// <param name="asksItsServer">Whether the page may send requests to where it came from.</param>
    public static string Of(string title, string script, Markup body, Markup data, string? style = null, bool asksItsServer = false)
    {
        Markup code = new(Charts.Value + "\n" + Asset(script));
        string hash = Convert.ToBase64String(SHA256.HashData(Utf8.GetBytes(code.Html)));
        string policy = $"default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'" + (asksItsServer ? "; connect-src 'self'" : "");
        var html = new HtmlBuilder();
        html.Add($"<!doctype html>");
        html.Add($"""<html lang="en">""").Add($"<head>");
        html.Add($"""<meta charset="utf-8">""");
        html.Add($"""<meta http-equiv="Content-Security-Policy" content="{policy}">""");
        html.Add($"""<meta name="viewport" content="width=device-width, initial-scale=1">""");
        html.Add($"""<meta name="color-scheme" content="light dark">""");
        html.Add($"<title>{title}</title>");
        html.Add($"<style>{new Markup(style is null ? Style.Value : Style.Value + Asset(style))}</style>");
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
