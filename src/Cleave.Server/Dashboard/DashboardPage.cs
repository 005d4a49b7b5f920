using System.Text;
using Cleave.Formats.Html;
using Cleave.Server.Http;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Dashboard;

/// <summary>
/// The page that shows what a server does. It holds no data and no key: it asks <c>/admin/stats</c>, with a key where the server wants one. One file as the
/// reports are, drawn by the same charts, so that it needs no other server and works where there is no network.
/// </summary>
internal static class DashboardPage
{
    public const string Path = "/dashboard";

    private static readonly Lazy<byte[]> Page = new(() => Encoding.UTF8.GetBytes(HtmlPage.Of("Cleave", "dashboard.js", Body(), new Markup("{}"), "dashboard.css", asksItsServer: true)));

    public static async Task Show(HttpContext context)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = Page.Value.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.XFrameOptions = "DENY"; // nobody is led to press what is below another page
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        await response.Body.WriteAsync(Page.Value, context.RequestAborted);
    }

    private static Markup Body()
    {
        var html = new HtmlBuilder();
        html.Add($"""<a class="skip" href="#traffic">To the charts</a><nav class="bar" aria-label="Sections"><div class="links"><a href="#versions">Versions</a><a href="#traffic">Traffic</a><a href="#allocation">Allocation</a><a href="#try">Playground</a></div>""");
        html.Add($"""<button type="button" id="theme" hidden>Dark</button></nav>""");
        html.Add($"""<header class="hero"><p class="eyebrow">Cleave</p><h1>What is being served</h1><p><span id="status" class="badge plain" role="status">asking the server</span></p>""");
        html.Add($"""<form id="need-key" class="card" hidden><div class="field"><label for="key">An administrator's key</label><input id="key" type="password" autocomplete="off" spellcheck="false"></div><button class="main">Use this key</button><p class="note">It stays in this page and is forgotten with it.</p></form>""");
        html.Add($"""<dl class="tiles">""");
        foreach ((string id, string name, string note) in new[]
        {
            ("requests", "requests", "since the start"), ("active", "active", "being computed"), ("waiting", "waiting", "for their turn"),
            ("escalations", "escalations", "to the monolith"), ("memory", "memory", "of the server"), ("energy", "energy", "since the start"),
        })
        {
            html.Add($"""<div class="tile"><dt>{name}</dt><dd><b id="tile-{id}">–</b><span>{note}</span></dd></div>""");
        }
        html.Add($"</dl></header><main>");
        Versions(html);
        html.Add($"""<section class="task" id="traffic"><div class="title"><h2>Traffic</h2></div><div class="grid">""");
        Card(html, "Requests", "traffic", "The last five minutes, by the module that answered.", wide: true);
        Card(html, "Latency", "latency", "From a request's admission to its last token, by module.");
        Card(html, "Queue", "queue", "From a request's admission until its turn came, by module.");
        Card(html, "Routing", "routing", "How requests came to the module that answered.");
        Card(html, "Power", "energy", "Of the whole machine where its counters can be read, else estimated from the server's processor time.");
        html.Add($"</div></section>");
        Allocation(html);
        Playground(html);
        html.Add($"</main>");
        html.Add($"""<dialog id="confirm" aria-labelledby="question"><p id="question"></p><form method="dialog"><button value="no" autofocus>Cancel</button><button class="main" value="yes">Confirm</button></form></dialog>""");
        return html.ToMarkup();
    }

    private static void Allocation(HtmlBuilder html)
    {
        html.Add($"""<section class="task" id="allocation" hidden><div class="title"><h2>Allocation</h2></div><p id="bottleneck" role="status"></p><div class="grid">""");
        Card(html, "Cores by module", "cores", "The last five minutes.", wide: true);
        Card(html, "Memory by module", "memory", "Weights in memory, and what is set aside for keys and values.");
        html.Add($"</div></section>");
    }

    private static void Versions(HtmlBuilder html)
    {
        html.Add($"""<section class="task" id="versions" hidden><div class="title"><h2>Versions</h2></div><div class="card"><p id="trial"></p><div class="scroll"><table><caption class="sr">Versions in memory</caption>""");
        html.Add($"""<thead><tr><th>version</th><th>role</th><th class="number">running</th><th class="number">requests</th><th class="number">failures</th><th class="number">mean time</th><th>modules</th><th>change</th></tr></thead><tbody></tbody></table></div>""");
        html.Add($"""<div><button type="button" id="rollback" disabled>Roll back</button> <span id="changed" role="status"></span></div></div></section>""");
    }

    private static void Card(HtmlBuilder html, string title, string chart, string note, bool wide = false) =>
        html.Add($"""<section class="card{(wide ? " wide" : "")}"><div class="head"><h3>{title}</h3></div><div class="chart" data-chart="{chart}" role="img" aria-label="{title}: {note}"></div><p class="note">{note}</p></section>""");

    private static void Playground(HtmlBuilder html)
    {
        html.Add($"""<section class="task" id="try"><div class="title"><h2>Playground</h2></div><div class="grid"><form id="playground" class="card">""");
        html.Add($"""<div class="field"><label for="module">Module</label><select id="module" name="module"></select></div>""");
        html.Add($"""<div class="field"><label for="text">Text</label><textarea id="text" name="text" required></textarea></div><button class="main">Ask</button></form>""");
        html.Add($"""<section class="card" aria-live="polite"><div class="head"><h3>Answer</h3></div><p id="answer"></p><dl id="facts" class="facts"></dl></section></div></section>""");
    }
}
