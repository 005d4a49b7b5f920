using System.Text.Json;
using Cleave.Data;
using Cleave.Serving;
using Cleave.Serving.Routing;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;
using Cleave.Tests.Cli;

namespace Cleave.Tests.Serving;

/// <summary>Who answers, and why: the router, its threshold, and the modules'.</summary>
public sealed class RoutingTests : IDisposable
{
    private const string Loud = "shout, silence";
    private readonly TinyRelease _tiny = new();

    public void Dispose() => _tiny.Dispose();

    private sealed class Heard : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }
        public void Text(string piece) { }
    }

    [Fact]
    public void The_router_tells_every_task_with_a_confidence()
    {
        using Release release = Release.Open(_tiny.Folder);
        RouteDecision decision = release.Route(Loud);
        using ITaskModule router = ModuleFolder.Load(Path.Combine(_tiny.Folder, RouterBuilder.Name))[0];
        Assert.Equal(("mood", router.Predict([new Example { Text = Loud }])[0].Confidence), (decision.Task, decision.Confidence));
        Assert.Equal(["mood", "names", "reply"], decision.Tasks.Select(t => t.Name).Order());
        Assert.Equal(1, decision.Tasks.Sum(t => t.Confidence), 1e-6);
        Assert.Equal(decision.Tasks.Select(t => t.Confidence).OrderDescending(), decision.Tasks.Select(t => t.Confidence));
        Assert.False(decision.Abstains);
    }

    [Fact]
    public void A_router_that_is_not_sure_leaves_the_request_to_the_monolith()
    {
        _tiny.SetAbstention(1.01);
        using Release release = Release.Open(_tiny.Folder);
        using var host = new ReleaseHost(release, default);
        foreach (string text in (string[])[Loud, "please answer this"])
        {
            Answer answer = release.Answer(new Example { Text = text }, null);
            Assert.True(answer is { Module: "monolith", Escalated: true, ModuleConfidence: null, Decision.Abstains: true });
            ModuleResult result = host.Run(new ModuleRequest { Module = "auto", Prompt = text }, new Heard(), CancellationToken.None);
            Assert.Equal(new ModuleChoice("monolith", answer.Task, Route.Escalated), result.Choice);
            Assert.Equal(AnswerText.Of(answer, text), result.Text);
            Assert.Contains("the router abstains", RouteExplanation.Of(answer)[1], StringComparison.Ordinal);
        }
        Assert.Equal("mood", release.Answer(new Example { Text = Loud }, "mood").Module); // who names a task is not routed
    }

    [Fact]
    public void An_explanation_says_who_was_sure_of_what()
    {
        using (Release release = Release.Open(_tiny.Folder))
        {
            IReadOnlyList<string> own = RouteExplanation.Of(release.Answer(new Example { Text = Loud }, null));
            Assert.Matches("^the router is 0\\.\\d{3} sure of 'mood', before '(names|reply)' \\(0\\.\\d{3}\\), '(names|reply)' \\(0\\.\\d{3}\\)$", own[0]);
            Assert.Matches("^the module is 0\\.\\d{3} sure of its answer, and never hands over$", own[1]);
            Assert.Equal(["the request names the task 'names'", "'names' has no module of its own: the monolith answers for it"], RouteExplanation.Of(release.Answer(new Example { Text = "x" }, "names")));
        }
        _tiny.SetThreshold("mood", 1);
        CommandLine text = CommandLine.Run("run", _tiny.Folder, Loud, "--explain");
        Assert.Contains("\n  the module is 0.", text.Output, StringComparison.Ordinal);
        Assert.Contains("below its threshold of 1.000: the monolith answers instead", text.Output, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(CommandLine.Run("run", _tiny.Folder, Loud, "--explain", "--json").Output).RootElement.GetProperty("explanation");
        Assert.Equal("mood", json.GetProperty("tasks")[0].GetProperty("task").GetString());
        Assert.Equal((false, 1, 0), (json.GetProperty("abstained").GetBoolean(), json.GetProperty("module_threshold").GetDouble(), json.GetProperty("route_threshold").GetDouble()));
        Assert.InRange(json.GetProperty("module_confidence").GetDouble(), 0.3, 1);
        Assert.Equal(2, json.GetProperty("why").GetArrayLength());
        Assert.False(JsonDocument.Parse(CommandLine.Run("run", _tiny.Folder, Loud, "--json").Output).RootElement.TryGetProperty("explanation", out _));
        Assert.Equal(2, CommandLine.Run("run", _tiny.Folder, Loud, "--explain", "--pipeline", "p").Status);
    }
}
