using System.Text.Json;
using Cleave.Data;
using Cleave.Models;
using Cleave.Serving;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Serving;

public sealed class HostTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private static readonly DateTimeOffset Made = DateTimeOffset.UnixEpoch;

    private sealed class Heard : IResultSink
    {
        public ModuleChoice? Choice { get; private set; }
        public List<string> Pieces { get; } = [];
        public string All => string.Concat(Pieces);
        public void Chosen(ModuleChoice choice) => Choice = Choice is null ? choice : throw new InvalidOperationException("chosen twice");
        public void Text(string piece) => Pieces.Add(Choice is not null && piece.Length > 0 ? piece : throw new InvalidOperationException("text before the choice, or none"));
    }

    private (ModuleResult Result, Heard Heard) Ask(ModuleRequest request)
    {
        using Release release = Release.Open(tiny.Folder);
        using var host = new ReleaseHost(release, Made);
        var heard = new Heard();
        ModuleResult result = host.Run(request, heard, CancellationToken.None);
        Assert.Equal(result.Text, heard.All);
        Assert.Equal(result.Choice, heard.Choice);
        return (result, heard);
    }

    [Fact]
    public void Modules_are_the_releases_tasks_with_their_kinds()
    {
        using Release release = Release.Open(tiny.Folder);
        using var host = new ReleaseHost(release, Made);
        Assert.Equal([("mood", TaskKind.Classify), ("reply", TaskKind.Generate), ("names", TaskKind.Extract)], host.Modules.Select(m => (m.Name, m.Kind)));
        Assert.Equal([null, 48, 48], host.Modules.Select(m => m.ContextLength));
        Assert.True(host.CanRoute);
    }

    [Theory]
    [InlineData("so loud, shout", "loud")]
    [InlineData("quiet and calm", "calm")]
    public void A_classifier_gives_its_label(string text, string label)
    {
        (ModuleResult result, _) = Ask(new ModuleRequest { Module = "mood", Prompt = text });
        Assert.Equal(label, result.Text);
        Assert.Equal(new ModuleChoice("mood", "mood", Route.Named), result.Choice);
        Assert.InRange(result.Confidence!.Value, 0.5, 1);
        Assert.Equal((3, 1, FinishReason.Stop), (result.PromptTokens, result.CompletionTokens, result.Finish));
    }

    [Theory]
    [InlineData("shout, silence", "mood")]
    [InlineData("please answer this", "reply")]
    [InlineData("who is who", "names")]
    public void Auto_follows_the_router(string text, string task)
    {
        (ModuleResult result, _) = Ask(new ModuleRequest { Module = "auto", Messages = [new ChatMessage(ChatRole.User, text)] });
        Assert.Equal((task, Route.Router), (result.Choice.Task, result.Choice.Route));
    }

    [Fact]
    public void An_unsure_module_hands_over_to_the_monolith()
    {
        using var own = new TinyRelease();
        own.SetThreshold("mood", 1);
        using Release release = Release.Open(own.Folder);
        using var host = new ReleaseHost(release, Made);
        ModuleResult result = host.Run(new ModuleRequest { Module = "mood", Prompt = "so loud, shout" }, new Heard(), CancellationToken.None);
        Assert.Equal(new ModuleChoice("monolith", "mood", Route.Escalated), result.Choice);
        Assert.Equal(release.MonolithFor("mood").Predict([new Example { Text = "so loud, shout" }])[0].Label, result.Text);
    }

    [Fact]
    public void A_reply_in_pieces_is_what_the_module_writes_at_once()
    {
        (ModuleResult result, Heard heard) = Ask(new ModuleRequest { Module = "reply", Messages = [new ChatMessage(ChatRole.System, "be kind"), new ChatMessage(ChatRole.User, "answer me")] });
        using ITaskModule module = ModuleFolder.Load(tiny.Reply)[0];
        Assert.Equal(module.Predict([new Example { Text = "user: answer me" }])[0].Text, result.Text);
        Assert.True(heard.Pieces.Count > 1, result.Text);
        Assert.Equal(new ModuleChoice("reply", "reply", Route.Named), result.Choice);
    }

    [Fact]
    public void All_that_is_read_is_counted_and_more_than_the_context_is_refused()
    {
        ChatMessage[] last = [new(ChatRole.User, "answer me")], whole = [new(ChatRole.User, "please answer this"), new(ChatRole.Assistant, "what then"), .. last];
        (ModuleResult one, _) = Ask(new ModuleRequest { Module = "reply", Messages = last, MaxTokens = 1 });
        (ModuleResult three, _) = Ask(new ModuleRequest { Module = "reply", Messages = whole, MaxTokens = 1 });
        Assert.True(three.PromptTokens > one.PromptTokens + 4, $"{three.PromptTokens} {one.PromptTokens}");
        Assert.True(three.CachedTokens <= three.PromptTokens);
        ChatMessage[] history = [.. Enumerable.Repeat(whole, 8).SelectMany(m => m)];
        Assert.Equal("context_length_exceeded", Assert.Throws<RequestException>(() => Ask(new ModuleRequest { Module = "reply", Messages = history })).Code);
        (ModuleResult found, _) = Ask(new ModuleRequest { Module = "names", Prompt = "it is anna" });
        (ModuleResult asked, _) = Ask(new ModuleRequest { Module = "names", Messages = [new(ChatRole.System, "who is there"), new(ChatRole.User, "it is anna")] });
        Assert.True(asked.PromptTokens > found.PromptTokens);
    }

    [Fact]
    public void What_is_read_again_is_checked_again_and_the_monolith_is_there_from_the_start()
    {
        using var own = new TinyRelease();
        using Release release = Release.Open(own.Folder);
        using (var host = new ReleaseHost(release, Made))
        {
            Directory.Move(own.Monolith, own.Monolith + "-gone");
            Assert.Equal("monolith", host.Run(new ModuleRequest { Module = "names", Prompt = "it is anna" }, new Heard(), CancellationToken.None).Choice.Module);
            Directory.Move(own.Monolith + "-gone", own.Monolith);
        }
        Assert.NotNull(release.Module("reply").Module);
        release.Unload("reply");
        File.AppendAllText(Path.Combine(own.Reply, ModelFolder.Config), " ");
        Assert.Contains("modules/reply/config.json has been changed", Assert.Throws<CleaveException>(() => release.Module("reply")).Message, StringComparison.Ordinal);
        // Also what is read for the first time, but was written since the hashes were looked at.
        using Release late = Release.Open(tiny.Folder);
        File.SetLastWriteTimeUtc(Path.Combine(tiny.Reply, ModelFolder.Config), DateTime.UtcNow.AddMinutes(1));
        Assert.NotNull(late.Module("reply").Module); // the same contents
    }

    [Fact]
    public void A_reply_obeys_its_limit_its_stop_text_and_its_seed()
    {
        var request = new ModuleRequest { Module = "reply", Prompt = "answer me" };
        ModuleResult whole = Ask(request).Result;
        ModuleResult three = Ask(request with { MaxTokens = 3 }).Result;
        Assert.Equal((3, FinishReason.Length), (three.CompletionTokens, three.Finish));
        Assert.StartsWith(three.Text, whole.Text, StringComparison.Ordinal);
        string stop = whole.Text.Substring(whole.Text.Length / 2, 2);
        ModuleResult stopped = Ask(request with { Stop = [stop] }).Result;
        Assert.Equal(whole.Text[..whole.Text.IndexOf(stop, StringComparison.Ordinal)].TrimEnd(), stopped.Text);
        Assert.Equal(FinishReason.Stop, stopped.Finish);
        ModuleRequest drawn = request with { Temperature = 2, Seed = 4 };
        Assert.Equal(Ask(drawn).Result.Text, Ask(drawn).Result.Text);
        Assert.Contains(Enumerable.Range(5, 5), seed => Ask(drawn with { Seed = (ulong)seed }).Result.Text != Ask(drawn).Result.Text);
    }

    [Fact]
    public void Spans_come_as_json_that_points_into_the_text()
    {
        const string Text = "who is there? it is anna";
        (ModuleResult result, _) = Ask(new ModuleRequest { Module = "names", Prompt = Text });
        Assert.Equal("monolith", result.Choice.Module);
        using JsonDocument spans = JsonDocument.Parse(result.Text);
        Assert.All(spans.RootElement.EnumerateArray(), s =>
            Assert.Equal(Text[s.GetProperty("start").GetInt32()..s.GetProperty("end").GetInt32()], s.GetProperty("text").GetString()));
        Assert.Equal("[{\"text\":\"ann\",\"start\":3,\"end\":6,\"label\":\"name\"}]", AnswerText.Of(
            new Answer("names", TaskKind.Extract, "names", new Cleave.Evaluation.Prediction { Spans = [new TextSpan(3, 6, "name")] }, 1, false), "is anna"));
    }

    [Fact]
    public void Requests_that_cannot_be_answered_are_refused_before_anything_is_said()
    {
        string words = string.Join(' ', Enumerable.Repeat("anna", 60));
        RequestException tooLong = Assert.Throws<RequestException>(() => Ask(new ModuleRequest { Module = "reply", Prompt = words }));
        Assert.Equal("context_length_exceeded", tooLong.Code);
        Assert.Contains("at most 48", tooLong.Message, StringComparison.Ordinal);
        Assert.Throws<UnknownModuleException>(() => Ask(new ModuleRequest { Module = "nobody", Prompt = "x" }));
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        using Release release = Release.Open(tiny.Folder);
        using var host = new ReleaseHost(release, Made);
        Assert.Throws<OperationCanceledException>(() => host.Run(new ModuleRequest { Module = "reply", Prompt = "x" }, new Heard(), gone.Token));
    }

    [Fact]
    public void A_module_that_writes_keeps_to_a_grammar_and_others_refuse_one()
    {
        Cleave.Models.Sampling.Grammars.Grammar grammar = Cleave.Models.Sampling.Grammars.Grammar.Parse("root ::= \"yes\" | \"no\"", "g");
        foreach (ulong seed in (ulong[])[1, 2, 3])
        {
            ModuleResult made = Ask(new ModuleRequest { Module = "reply", Prompt = "answer me", Grammar = grammar, Temperature = 2, Seed = seed }).Result;
            Assert.Contains(made.Text, (string[])["yes", "no"]);
            Assert.Equal(FinishReason.Stop, made.Finish);
        }
        Assert.Equal("response_format", Assert.Throws<RequestException>(() => Ask(new ModuleRequest { Module = "mood", Prompt = "x", Grammar = grammar })).Parameter);
        Assert.Throws<RequestException>(() => Ask(new ModuleRequest { Module = "reply", Prompt = "x", Grammar = grammar, Stop = ["y"] }));
    }

    [Fact]
    public void A_whole_text_of_an_open_form_ends_by_itself_also_at_the_last_token()
    {
        Cleave.Models.Sampling.Grammars.Grammar digits = Cleave.Models.Sampling.Grammars.Grammar.Parse("root ::= [0-9]+", "g");
        ModuleResult[] made = [.. ((ulong[])[1, 2, 3, 4]).Select(seed => Ask(new ModuleRequest { Module = "reply", Prompt = "count", Grammar = digits, MaxTokens = 3, Temperature = 2, Seed = seed }).Result)];
        Assert.All(made, m => Assert.Matches("^[0-9]+$", m.Text));
        Assert.All(made, m => Assert.Equal(FinishReason.Stop, m.Finish));
        Assert.Contains(made, m => m.CompletionTokens == 3);
    }

    [Fact]
    public void What_a_form_has_no_room_for_or_begins_in_too_many_ways_is_refused_before_anything_is_said()
    {
        LanguageModel model = ModelFolder.Load(tiny.Reply);
        using var host = new LanguageModelHost(model, "base", Made);
        using Release release = Release.Open(tiny.Folder);
        using var modules = new ReleaseHost(release, Made);
        string rules = string.Concat(Enumerable.Range(0, 1100).Select(i => $"\nr{i} ::= \"a\" r{i} \"{i}\" | \"b\""));
        var many = Cleave.Models.Sampling.Grammars.Grammar.Parse($"root ::= {string.Join('|', Enumerable.Range(0, 1100).Select(i => $"r{i}"))}{rules}", "g");
        var large = Cleave.Models.Sampling.Grammars.Grammar.Parse("root ::= \"a\"{50}", "g");
        foreach ((IModuleHost asked, string name) in ((IModuleHost, string)[])[(host, "base"), (modules, "reply")])
        {
            var heard = new Heard();
            Assert.Throws<Cleave.Models.Sampling.Grammars.GrammarException>(() => asked.Run(new ModuleRequest { Module = name, Prompt = "x", Grammar = many }, heard, CancellationToken.None));
            Assert.Throws<CapacityException>(() => asked.Run(new ModuleRequest { Module = name, Prompt = "x", Grammar = large, MaxTokens = 20 }, heard, CancellationToken.None));
            Assert.Null(heard.Choice);
        }
    }

    [Fact]
    public void A_plain_model_continues_prompts_and_takes_its_turn_in_a_conversation()
    {
        LanguageModel model = ModelFolder.Load(tiny.Reply);
        using var host = new LanguageModelHost(model, "base", Made);
        Assert.False(host.CanRoute);
        var heard = new Heard();
        ModuleResult result = host.Run(new ModuleRequest { Module = "base", Prompt = "hello", MaxTokens = 6 }, heard, CancellationToken.None);
        Assert.Equal(result.Text, heard.All);
        Assert.InRange(result.CompletionTokens, 1, 6);
        Assert.Equal(1 + model.Tokenizer.Encode("hello").Length, result.PromptTokens);
        ModuleResult turn = host.Run(new ModuleRequest { Module = "base", Messages = [new ChatMessage(ChatRole.User, "hi")], MaxTokens = 6 }, new Heard(), CancellationToken.None);
        Assert.Equal(turn.Text.Trim(), turn.Text);
        Assert.Equal(1 + model.Tokenizer.Encode("user: hi\nassistant:").Length, turn.PromptTokens);
        Assert.Throws<UnknownModuleException>(() => host.Run(new ModuleRequest { Module = "auto", Prompt = "x" }, new Heard(), CancellationToken.None));
        Assert.Throws<RequestException>(() => host.Run(new ModuleRequest { Module = "base", Prompt = string.Concat(Enumerable.Repeat("日", 60)) }, new Heard(), CancellationToken.None));
    }
}
