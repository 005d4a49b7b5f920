using System.Net;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Server.Feedback;
using Cleave.Server.Keys;
using Cleave.Serving.Feedback;
using Cleave.Serving.Versions;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Serving;
using Cleave.Tests.Serving.Versions;

namespace Cleave.Tests.Server;

/// <summary>Judgements of answers: taken, written down, heard again.</summary>
public sealed class FeedbackTests(TinyRelease tiny) : IClassFixture<TinyRelease>, IDisposable
{
    private const string Ask = "{\"model\":\"mood\",\"input\":\"shout a secret\"}";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Log => _folder.File("judgements.jsonl");

    private static async Task<(string Id, string Route, double Confidence)> Answer(RunningServer server)
    {
        HttpResponseMessage response = await server.Post("/v1/classify", Ask);
        JsonElement answer = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("data")[0];
        return (response.Headers.GetValues("x-request-id").Single(), answer.GetProperty("route").GetString()!, answer.GetProperty("confidence").GetDouble());
    }

    private static async Task<JsonElement> Mood(RunningServer server) =>
        JsonElement.Parse(await server.Client.GetStringAsync("/admin/feedback")).GetProperty("tasks").EnumerateArray().Single(t => t.GetProperty("task").GetString() == "mood");

    [Fact]
    public async Task Bad_judgements_hand_a_modules_requests_to_the_monolith_and_the_log_says_it_again_at_the_next_start()
    {
        string before;
        var control = new EscalationControl(0.1, step: 0.5);
        using (var versions = new VersionedHost(ReleaseVersion.Open(tiny.Folder, null, control), ReleaseVersion.Open))
        await using (RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Feedback = new FeedbackOptions(Log, control, KeepsCorrections: false) }))
        {
            double threshold = 0, own = (await Answer(server)).Confidence;
            var routes = new List<string>();
            for (int i = 0; i < 4; i++)
            {
                (string id, string route, _) = await Answer(server);
                Assert.Equal(own >= threshold ? "named" : "escalated", route);
                bool good = route == "escalated";
                threshold = Math.Clamp(threshold + 0.5 * ((good ? 0 : 1) - 0.1), 0, 1.5);
                routes.Add(route);
                HttpResponseMessage judged = await server.Post("/v1/feedback", $"{{\"request\":\"{id}\",\"good\":{(good ? "true" : "false")},\"correction\":\"a secret, too\"}}");
                Assert.Equal($"{{\"object\":\"feedback\",\"request\":\"{id}\",\"task\":\"mood\",\"score\":{(good ? 1 : 0)}}}", await judged.Content.ReadAsStringAsync());
            }
            Assert.Equal(["escalated", "named"], routes.Distinct().Order(StringComparer.Ordinal));
            JsonElement mood = await Mood(server);
            Assert.Equal((0, 4, routes.Count(r => r == "named") / 4.0), (mood.GetProperty("floor").GetDouble(), mood.GetProperty("judged").GetInt32(), mood.GetProperty("mean_loss").GetDouble()));
            Assert.Equal(threshold, mood.GetProperty("threshold").GetDouble(), 6);
            Assert.NotEmpty(mood.GetProperty("why").GetString()!);
            before = await server.Client.GetStringAsync("/admin/feedback");
            Assert.Throws<CleaveException>(() => FeedbackLog.Open(new FeedbackOptions(Log, null, false), TimeProvider.System)); // one server writes it
        }
        string written = await File.ReadAllTextAsync(Log);
        Assert.Equal(4, written.Count(c => c == '\n'));
        Assert.DoesNotContain("secret", written, StringComparison.Ordinal);
        await File.AppendAllTextAsync(Log, "{\"time\":\"half a li"); // a process died while it wrote
        control = new EscalationControl(0.1, step: 0.5);
        using var reopened = new VersionedHost(ReleaseVersion.Open(tiny.Folder, null, control), ReleaseVersion.Open);
        await using RunningServer next = await RunningServer.StartAsync(reopened, new ServerOptions { Feedback = new FeedbackOptions(Log, control, KeepsCorrections: true) });
        Assert.Equal(before, await next.Client.GetStringAsync("/admin/feedback"));
        (string last, string again, _) = await Answer(next);
        Assert.Equal(HttpStatusCode.OK, (await next.Post("/v1/feedback", $"{{\"request\":\"{last}\",\"score\":0.25,\"correction\":\"calm\"}}")).StatusCode);
        string[] lines = await File.ReadAllLinesAsync(Log);
        Assert.Equal(5, lines.Length);
        JsonElement line = JsonElement.Parse(lines[4]);
        Assert.Equal((last, "mood", again, 0.25, "calm"), (line.GetProperty("request").GetString(), line.GetProperty("task").GetString(), line.GetProperty("route").GetString(),
            line.GetProperty("score").GetDouble(), line.GetProperty("correction").GetString()));
    }

    [Fact]
    public async Task A_version_on_trial_earns_its_share_by_judgements_and_what_they_settle_is_noted()
    {
        string audit = _folder.File("audit.jsonl"), b = SayingHost.HashOf("b");
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        await versions.LoadAsync("b");
        var said = new List<string>();
        await using (RunningServer server = await RunningServer.StartAsync(versions, new ServerOptions { Feedback = new FeedbackOptions(Log, null, false), AuditFile = audit, Remark = said.Add }))
        {
            JsonElement trial = await Trial(await server.Post("/admin/canary", $"{{\"version\":\"{b}\",\"mode\":\"learn\",\"percent\":30,\"risk\":0.2}}"));
            Assert.Equal(("learn", 20, "open", 30, 0.2), (trial.GetProperty("mode").GetString(), trial.GetProperty("percent").GetDouble(), trial.GetProperty("learned").GetProperty("verdict").GetString(),
                trial.GetProperty("learned").GetProperty("most_percent").GetDouble(), trial.GetProperty("learned").GetProperty("risk").GetDouble()));
            for (int i = 0; i < 2000 && versions.State.Trial!.Percent > 0; i++)
            {
                HttpResponseMessage answer = await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}");
                bool good = answer.Headers.GetValues("x-cleave-version").Single() != b;
                Assert.Equal(HttpStatusCode.OK, (await server.Post("/v1/feedback", $"{{\"request\":\"{answer.Headers.GetValues("x-request-id").Single()}\",\"good\":{(good ? "true" : "false")}}}")).StatusCode);
            }
            trial = await Trial(await server.Client.GetAsync("/admin/versions"));
            JsonElement learned = trial.GetProperty("learned");
            Assert.Equal((0, "worse"), (trial.GetProperty("percent").GetDouble(), learned.GetProperty("verdict").GetString()));
            Assert.InRange(learned.GetProperty("low").GetDouble(), 0.2, 1);
            Assert.Equal($"version {b[..12]} on trial: worse, by {learned.GetProperty("judged").GetInt32()} judged answers, {learned.GetProperty("tried").GetInt32()} of them its own", Assert.Single(said));
            Assert.Contains("cleave_trial_share{version=\"", await server.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
            var error = await RunningServer.Error(await server.Post("/admin/canary", $"{{\"version\":\"{b}\",\"mode\":\"learn\",\"percent\":100}}"));
            Assert.Equal(400, error.Status);
        }
        string[] lines = await File.ReadAllLinesAsync(Log);
        Assert.Contains(lines, l => l.Contains("\"tried\":true,\"share\":0.2,\"score\":0", StringComparison.Ordinal));
        Assert.Contains("\"actor\":\"feedback\"", await File.ReadAllTextAsync(audit), StringComparison.Ordinal);

        static async Task<JsonElement> Trial(HttpResponseMessage response) => JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("trial");
    }

    [Fact]
    public async Task Only_who_asked_judges_and_only_once_and_only_what_can_be_meant()
    {
        string keys = _folder.File("keys");
        File.WriteAllText(keys, "key-one name=one\nkey-two name=two\n");
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = ApiKeys.Load(keys), Feedback = new FeedbackOptions(Log, null, false) });
        Assert.Equal(HttpStatusCode.OK, await As("key-one", "/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}", "mine"));
        Assert.Equal(HttpStatusCode.NotFound, await As("key-two", "/v1/feedback", "{\"request\":\"mine\",\"good\":false}"));
        Assert.Equal(HttpStatusCode.NotFound, await As("key-one", "/v1/feedback", "{\"request\":\"other\",\"good\":false}"));
        foreach (string wrong in new[] { "{}", "{\"request\":\"mine\"}", "{\"request\":\"mine\",\"good\":1}", "{\"request\":\"mine\",\"score\":1.5}", "{\"request\":\"mine\",\"good\":true,\"score\":1}", "{\"request\":7,\"good\":true}",
            $"{{\"request\":\"mine\",\"good\":true,\"correction\":\"{new string('x', 70_000)}\"}}" })
        {
            Assert.Equal(HttpStatusCode.BadRequest, await As("key-one", "/v1/feedback", wrong));
        }
        Assert.Equal(HttpStatusCode.OK, await As("key-one", "/v1/feedback", "{\"request\":\"mine\",\"good\":false}"));
        Assert.Equal(HttpStatusCode.Conflict, await As("key-one", "/v1/feedback", "{\"request\":\"mine\",\"good\":true}"));
        Assert.Equal(HttpStatusCode.OK, await As("key-one", "/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\",\"n\":2}", "several"));
        Assert.Equal(HttpStatusCode.Conflict, await As("key-one", "/v1/feedback", "{\"request\":\"several\",\"good\":true}"));
        Assert.Equal(1, Lines());

        async Task<HttpStatusCode> As(string key, string path, string body, string id = "")
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { { "Authorization", $"Bearer {key}" } } };
            if (id.Length > 0)
                request.Headers.Add("x-request-id", id);
            return (await server.Client.SendAsync(request)).StatusCode;
        }

        int Lines()
        {
            using var reader = new StreamReader(new FileStream(Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd().Count(c => c == '\n');
        }
    }

    [Fact]
    public async Task Without_a_file_none_are_taken_and_a_file_of_something_else_is_refused()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        var error = await RunningServer.Error(await server.Post("/v1/feedback", "{\"request\":\"x\",\"good\":true}"));
        Assert.Equal((403, "feedback_disabled"), (error.Status, error.Code));
        File.WriteAllText(Log, "{\"floor\":0.5}\n");
        Assert.Contains(":1: version: is missing", Assert.Throws<ModelFileException>(() => FeedbackLog.Open(new FeedbackOptions(Log, new EscalationControl(0.1), false), TimeProvider.System)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Anothers_request_of_the_same_name_neither_shows_nor_takes_it()
    {
        var answered = new AnsweredRequests();
        var result = new Cleave.Serving.ModuleResult(new("m", "t", Cleave.Serving.Route.Named), "x", Cleave.Serving.FinishReason.Stop, 1, 1, 0.5, TimeSpan.Zero);
        answered.Remember("a", "me", result);
        answered.Remember("a", "you", result);
        Assert.Null(answered.Take("a", "you", out bool known));
        Assert.False(known);
        Assert.NotNull(answered.Take("a", "me", out _));
        Assert.Null(answered.Take("a", "you", out known));
        Assert.False(known); // also after it was judged
    }

    [Fact]
    public void Old_requests_are_forgotten()
    {
        var answered = new AnsweredRequests(most: 2);
        foreach (string id in new[] { "a", "b", "c" })
            answered.Remember(id, "me", new Cleave.Serving.ModuleResult(new("m", "t", Cleave.Serving.Route.Named), "x", Cleave.Serving.FinishReason.Stop, 1, 1, 0.5, TimeSpan.Zero));
        Assert.Null(answered.Take("a", "me", out bool known));
        Assert.False(known);
        Assert.Equal("t", answered.Take("c", "me", out _)?.Task);
        Assert.Null(answered.Take("c", "me", out known));
        Assert.True(known);
    }
}
