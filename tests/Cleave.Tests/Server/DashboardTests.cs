using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cleave.Server;
using Cleave.Server.Keys;
using Cleave.Serving;
using Cleave.Serving.Feedback;
using Cleave.Serving.Versions;
using Cleave.Tests.Serving.Versions;
using Cleave.Tests.Splitting.Report;

namespace Cleave.Tests.Server;

[Trait("Kernels", "unused")]
public sealed class DashboardTests
{
    private const string Ask = "{\"model\":\"reply\",\"prompt\":\"x\"}";

    private static async Task<VersionedHost> Versions()
    {
        var versions = new VersionedHost(new SayingHost("a").Version() with { Proofs = [new ModuleProof("reply", true, "no worse than <b>the</b> monolith"), new ModuleProof("mood", false, "")] },
            (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        return versions;
    }

    [Fact]
    public async Task The_page_asks_nobody_else_and_cannot_be_put_into_another()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        HttpResponseMessage response = await server.Client.GetAsync("/dashboard");
        Assert.Equal(("text/html; charset=utf-8", "DENY"), (response.Content.Headers.ContentType!.ToString(), response.Headers.GetValues("X-Frame-Options").Single()));
        string page = WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync());
        Assert.Matches("content=\"default-src 'none'; script-src 'sha256-[^']+'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; connect-src 'self'\"", page);
        Assert.DoesNotMatch("<(script|link|img)[^>]+(src|href)=", page);
    }

    [Fact]
    public async Task Its_numbers_are_for_administrators()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "user\nops admin\n");
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = ApiKeys.Load(file) });
        File.Delete(file);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/dashboard")).StatusCode);
        Assert.Equal(401, (await RunningServer.Error(await server.Client.GetAsync("/admin/stats"))).Status);
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", "user");
        Assert.Equal(403, (await RunningServer.Error(await server.Client.GetAsync("/admin/stats"))).Status);
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", "ops");
        using JsonDocument stats = JsonDocument.Parse(await server.Client.GetStringAsync("/admin/stats"));
        Assert.Equal(["auto", "mood", "reply", "größe"], stats.RootElement.GetProperty("models").EnumerateArray().Select(m => m.GetString()));
        Assert.Equal(JsonValueKind.Null, stats.RootElement.GetProperty("versions").ValueKind);
    }

    [BrowserFact]
    public async Task It_shows_versions_and_traffic_and_logs_nothing()
    {
        using VersionedHost versions = await Versions();
        versions.StartCanary(SayingHost.HashOf("b"), 25);
        await using RunningServer server = await RunningServer.StartAsync(versions);
        for (int i = 0; i < 5; i++)
            await server.Post("/v1/completions", Ask);
        (string dom, string[] console) = Browser.Open(new Uri(server.Client.BaseAddress!, "/dashboard"), 1280, "--blink-settings=preferredColorScheme=0");
        Assert.Empty(console);
        Assert.Contains("data-theme=\"dark\"", dom, StringComparison.Ordinal);
        Assert.Contains("<b id=\"tile-requests\">5</b>", dom, StringComparison.Ordinal);
        Assert.Matches("<b id=\"tile-memory\">[0-9.]+ [MG]B</b>", dom);
        Assert.Contains("is a canary: it answers 25% of the requests", dom, StringComparison.Ordinal);
        Assert.Contains(SayingHost.HashOf("a")[..12], dom, StringComparison.Ordinal);
        Assert.Contains("1 of 2 certified", dom, StringComparison.Ordinal);
        Assert.Contains("no worse than &lt;b&gt;the&lt;/b&gt; monolith", dom, StringComparison.Ordinal);
        (int from, int to) = (dom.IndexOf("id=\"allocation\"", StringComparison.Ordinal), dom.IndexOf("id=\"try\"", StringComparison.Ordinal)); // nothing is told of it here
        string[] charts = dom.Remove(from, to - from).Split(" data-chart=\"")[1..];
        Assert.Equal(5, charts.Length);
        Assert.All(charts, c => Assert.Matches("^[a-z]+\"[^>]*>\\s*<div[^>]*><svg", c));
        Assert.All(charts, c => Assert.True(Regex.Count(c[..c.IndexOf("</svg>", StringComparison.Ordinal)], "<path") > 2, $"an empty chart: {c[..40]}"));
    }

    [BrowserFact]
    public async Task It_says_what_a_trial_has_learnt()
    {
        using VersionedHost versions = await Versions();
        versions.StartLearning(SayingHost.HashOf("b"), 30, 0.2);
        await using RunningServer server = await RunningServer.StartAsync(versions);
        Uri page = new(server.Client.BaseAddress!, "/dashboard");
        Assert.Contains("is on trial: it answers 20.0% of the requests, at most 30%. No answer has been judged yet.", Browser.Open(page, 1280).Dom, StringComparison.Ordinal);
        for (int i = 0; versions.State.Trial!.Percent > 0; i++)
        {
            TrialDraw draw = versions.Run(new ModuleRequest { Module = "reply", Prompt = "x", Id = $"{i}" }, Silence.Sink, CancellationToken.None).Choice.Draw!;
            draw.Judge(draw.IsTried ? 0 : 1);
        }
        Assert.Matches("it answers 0.0% of the requests, at most 30%. It loses \\+[0-9.]+ to \\+100.0 points more than the serving version, by [0-9]+ judged answers .[0-9]+ its own.: worse, so it gets no more requests", Browser.Open(page, 1280).Dom);
    }

    [BrowserFact]
    public async Task The_keyboard_promotes_after_a_question_and_the_playground_says_who_answered()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "ops admin\n");
        using VersionedHost versions = await Versions();
        await using RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Keys = ApiKeys.Load(file) });
        File.Delete(file);
        await using LivePage page = await LivePage.OpenAsync(new Uri(server.Client.BaseAddress!, "/dashboard"));

        await page.Wait("!document.getElementById('need-key').hidden");
        await page.Evaluate("document.getElementById('key').focus()");
        await page.Type("ops");
        await page.Press("Enter", 13);
        await page.Wait("document.getElementById('need-key').hidden && document.querySelectorAll('#versions tbody tr').length === 2");

        string promote = $"document.getElementById('promote-{SayingHost.HashOf("b")}')";
        await page.Evaluate($"{promote}.focus()");
        await page.Press("Enter", 13);
        await page.Wait("document.getElementById('confirm').open && document.activeElement.value === 'no'"); // what is pressed by mistake changes nothing
        await page.Press("Escape", 27);
        await page.Wait($"!document.getElementById('confirm').open && document.activeElement === {promote}");
        Assert.Equal(VersionRole.Ready, versions.State.Versions[1].Role);
        await page.Press("Enter", 13);
        await page.Wait("document.getElementById('confirm').open");
        await page.Press("Tab", 9);
        await page.Wait("document.activeElement.value === 'yes'");
        await page.Press("Enter", 13);
        await page.Wait("document.getElementById('changed').textContent === 'Done.'");
        Assert.Equal(VersionRole.Serving, versions.State.Versions[1].Role);

        await page.Evaluate("document.getElementById('module').value = 'reply'; document.getElementById('text').focus()");
        await page.Type("hello");
        await page.Evaluate("document.querySelector('#playground button').focus()");
        await page.Press("Enter", 13);
        await page.Wait("document.getElementById('facts').children.length > 0");
        Assert.Equal("b b b", (await page.Evaluate("document.getElementById('answer').textContent"))!.GetValue<string>());
        string facts = (await page.Evaluate("document.getElementById('facts').innerText"))!.GetValue<string>();
        Assert.Contains("the request named it", facts, StringComparison.Ordinal);
        Assert.Contains(SayingHost.HashOf("b")[..12], facts, StringComparison.Ordinal);

        await page.Evaluate("document.getElementById('rollback').click(); document.querySelector('#confirm button[value=yes]').click()");
        await page.Wait($"document.querySelector('#versions tbody tr').textContent.includes('serving')");
        Assert.Equal(VersionRole.Serving, versions.State.Versions[0].Role);
    }
}
