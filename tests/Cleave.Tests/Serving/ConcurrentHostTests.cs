using Cleave.Models;
using Cleave.Serving;
using Cleave.Serving.Engine;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Serving;

/// <summary>Hosts that are asked by several threads at a time give what they give one request after the other.</summary>
public sealed class ConcurrentHostTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private sealed class Heard : IResultSink
    {
        public string All { get; private set; } = "";
        public List<TokenScore> Tokens { get; } = [];
        public Action OnText { get; init; } = () => { };
        public void Chosen(ModuleChoice choice) => All += $"{choice.Module}:";

        public void Text(string piece)
        {
            All += piece;
            OnText();
        }

        public void Text(string piece, IReadOnlyList<TokenScore> tokens)
        {
            Tokens.AddRange(tokens);
            Text(piece);
        }
    }

    private static readonly ModuleRequest[] Requests =
    [
        new() { Module = "mood", Prompt = "so loud, shout" },
        new() { Module = "mood", Prompt = "quiet and calm" },
        new() { Module = "auto", Prompt = "please answer this" },
        new() { Module = "reply", Prompt = "answer me" },
        new() { Module = "reply", Prompt = "hello", MaxTokens = 5 },
        new() { Module = "reply", Prompt = "who", Stop = ["e"] },
        new() { Module = "names", Prompt = "who is there? it is anna" },
        new() { Module = "names", Prompt = "anna" },
        new() { Module = "auto", Prompt = "who is who" },
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1.1)] // nothing is sure enough: the monolith answers everything
    public void A_release_answers_many_at_once_as_one_after_the_other(double threshold)
    {
        using var own = new TinyRelease();
        own.SetThreshold("mood", threshold);
        own.SetThreshold("reply", threshold);
        using Release release = Release.Open(own.Folder);
        using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch, new ServingOptions { Engine = new EngineOptions { MaxSequences = 3, StepTokens = 16 } });
        string[] alone = [.. Requests.Select(r => Ask(host, r))];
        Assert.True(alone.Distinct().Count() > 5);
        string[][] together = [.. Enumerable.Range(0, 6).Select(_ => new string[Requests.Length])];
        Thread[] threads = [.. Enumerable.Range(0, 6).Select(t => new Thread(() =>
        {
            for (int i = 0; i < Requests.Length; i++)
                together[t][(i + t) % Requests.Length] = Ask(host, Requests[(i + t) % Requests.Length]);
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.All(together, t => Assert.Equal(alone, t));
        Assert.True(SpinWait.SpinUntil(() => host.Load == new EngineLoad(0, 0, 0), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void An_unsure_writer_hands_over_and_its_confidence_is_that_of_the_module_itself()
    {
        using var own = new TinyRelease();
        own.SetThreshold("reply", 1e-30);
        using Release release = Release.Open(own.Folder);
        using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch);
        ModuleResult sure = host.Run(new ModuleRequest { Module = "reply", Prompt = "answer me" }, new Heard(), default);
        Cleave.Evaluation.Prediction expected = release.Module("reply").Module!.Predict([new Cleave.Data.Example { Text = "answer me" }])[0];
        Assert.Equal((expected.Text, Route.Named), (sure.Text, sure.Choice.Route));
        Assert.Equal(expected.Confidence, sure.Confidence!.Value, 1e-5);
        Assert.True(sure.Energy!.Value.Joules > 0 && sure.Waited >= TimeSpan.Zero && sure.Compute > TimeSpan.Zero);
    }

    [Fact]
    public void Texts_are_judged_together_each_by_the_module_that_it_names()
    {
        using Release release = Release.Open(tiny.Folder);
        using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch);
        ModuleRequest[] judged = [.. Requests.Where(r => r.Module is "mood" or "names")];
        IReadOnlyList<ModuleResult> results = host.Judge(judged, default);
        Assert.Equal(judged.Select(r => host.Run(r, new Heard(), default).Text), results.Select(r => r.Text));
        Assert.Equal("model", Assert.Throws<RequestException>(() => host.Judge([Requests[3]], default)).Parameter);
        Assert.Equal(release.Manifest.Hash, host.Version);
    }

    [Fact]
    public void A_plain_model_tells_the_scores_of_its_tokens_with_the_pieces()
    {
        LanguageModel model = ModelFolder.Load(tiny.Reply);
        using var host = new LanguageModelHost(model, "base", DateTimeOffset.UnixEpoch);
        var heard = new Heard();
        ModuleResult result = host.Run(new ModuleRequest { Module = "base", Prompt = "hello", MaxTokens = 6, LogProbabilities = 2 }, heard, default);
        Assert.Equal(result.CompletionTokens, result.Tokens!.Count);
        Assert.Equal(result.Tokens.Take(heard.Tokens.Count), heard.Tokens);
        Assert.Equal(result.Text, System.Text.Encoding.UTF8.GetString([.. result.Tokens.SelectMany(t => t.Bytes)]));
        Assert.All(result.Tokens, t => Assert.True(t.LogProbability <= 0 && t.Alternatives.Count == 2 && t.Alternatives[0].LogProbability >= t.LogProbability));
        Assert.Null(host.Run(new ModuleRequest { Module = "base", Prompt = "hello", MaxTokens = 2 }, new Heard(), default).Tokens);
    }

    [Fact]
    public void A_listener_that_fails_leaves_nothing_behind()
    {
        LanguageModel model = ModelFolder.Load(tiny.Reply);
        using var host = new LanguageModelHost(model, "base", DateTimeOffset.UnixEpoch);
        Assert.Throws<FormatException>(() => host.Run(new ModuleRequest { Module = "base", Prompt = "hello", MaxTokens = 40 }, new Heard { OnText = () => throw new FormatException() }, default));
        Assert.True(SpinWait.SpinUntil(() => host.Load == new EngineLoad(0, 0, 0), TimeSpan.FromSeconds(30)));
        (float[] vector, int tokens) = host.Embed("base", ["hello"], default)[0];
        Assert.Equal(1, vector.Sum(x => (double)x * x), 1e-5);
        Assert.Equal(1 + model.Tokenizer.Encode("hello").Length, tokens);
    }

    private static string Ask(ReleaseHost host, ModuleRequest request)
    {
        var heard = new Heard();
        ModuleResult result = host.Run(request, heard, default);
        Assert.Equal($"{result.Choice.Module}:{result.Text}", heard.All);
        return $"{result.Choice} {result.Finish} {result.Text}";
    }
}
