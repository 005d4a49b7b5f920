using System.Text.Json;
using Cleave.Data;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;
using Cleave.Serving.Pipelines;
using Cleave.Splitting.Releases;
using Cleave.Tests.Server;
using Cleave.Tests.Splitting.Pipelines;

namespace Cleave.Tests.Serving.Pipelines;

/// <summary>Pipelines over real modules; what they should give is what the modules give when they are asked by hand.</summary>
public sealed class PipelineHostTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    private const string Loud = "so loud, shout", Calm = "all is calm here, silence please";
    private static readonly string LongText = string.Join(' ', Enumerable.Repeat("anna", 60));

    private sealed class Heard : IResultSink
    {
        public ModuleChoice? Choice { get; private set; }
        public List<string> Pieces { get; } = [];
        public void Chosen(ModuleChoice choice) => Choice = Choice is null ? choice : throw new InvalidOperationException("chosen twice");
        public void Text(string piece) => Pieces.Add(Choice is not null && piece.Length > 0 ? piece : throw new InvalidOperationException("text before the choice, or none"));
    }

    private (ModuleResult Result, Heard Heard) Ask(string pipelines, ModuleRequest request)
    {
        using Release release = Release.Open(tiny.Folder);
        using var modules = new ReleaseHost(release, default);
        var host = new PipelineHost(modules, PipelineCases.Read(pipelines), default, (task, text) => ModuleTokens.Count(release.Module(task).Module ?? release.MonolithFor(task), text));
        var heard = new Heard();
        ModuleResult result = host.Run(request, heard, CancellationToken.None);
        Assert.Equal(result.Text, string.Concat(heard.Pieces));
        Assert.Equal(result.Choice, heard.Choice);
        return (result, heard);
    }

    private ModuleResult Ask(string pipelines, string text) => Ask(pipelines, new ModuleRequest { Module = "p", Prompt = text }).Result;

    private ModuleResult Alone(string module, string text) => Ask("p: {steps: {m: {task: mood}}, output: \"{m}\"}", new ModuleRequest { Module = module, Prompt = text }).Result;

    private static (string, StepState, string)[] Steps(ModuleResult result) => [.. result.Steps.Select(s => (s.Step, s.State, s.Output))];

    [Fact]
    public void Steps_read_the_input_and_each_other()
    {
        ModuleResult result = Ask("""
            p:
              steps:
                answer: {task: reply, text: "{mood}: {input}"}
                mood: {task: mood}
              output: "<{mood}> {answer}!"
            """, Loud);
        string reply = Alone("reply", $"loud: {Loud}").Text;
        Assert.Equal($"<loud> {reply}!", result.Text);
        Assert.Equal([("answer", StepState.Done, reply), ("mood", StepState.Done, "loud")], Steps(result));
        Assert.Equal(["reply", "mood"], result.Steps.Select(s => s.Module));
        Assert.Equal(new ModuleChoice("p", "p", Route.Named), result.Choice);
        Assert.Equal(Alone("mood", Loud).Confidence, result.Steps[1].Confidence);
        Assert.Equal(Alone("mood", Loud).PromptTokens + Alone("reply", $"loud: {Loud}").PromptTokens, result.PromptTokens);
    }

    [Theory]
    [InlineData(Loud, StepState.Done, StepState.Skipped)]
    [InlineData(Calm, StepState.Skipped, StepState.Done)]
    public void A_condition_decides_between_branches(string text, StepState angry, StepState quiet)
    {
        ModuleResult result = Ask("""
            p:
              steps:
                mood: {task: mood}
                angry: {task: reply, when: {step: mood, is: [loud]}}
                quiet: {join: "all is well", when: {step: mood, not: [loud], above: 0.5}}
                never: {join: "x", when: {step: mood, below: 0.5}}
                after: {task: mood, text: "{never}"}
              output: "{angry}{quiet}{after}"
            """, text);
        Assert.Equal([StepState.Done, angry, quiet, StepState.Skipped, StepState.Skipped], result.Steps.Select(s => s.State));
        Assert.Equal(angry == StepState.Done ? Alone("reply", text).Text : "all is well", result.Text);
        Assert.Equal("there is nothing to read", result.Steps[4].Reason);
    }

    [Fact]
    public void A_module_is_asked_about_each_sentence_and_what_it_finds_lies_in_the_whole_text()
    {
        const string Text = "who is there? It is anna. She answers today";
        ModuleResult result = Ask("p: {steps: {who: {task: names, each: sentences}}, output: \"{who}\"}", Text);
        Assert.Equal(3, result.Steps[0].Parts);
        FoundSpan[] expected = [.. TextChunks.Sentences(Text).SelectMany(r => FoundSpan.Read(Alone("names", Text[r]).Text).Select(s => s with { Start = s.Start + r.Start.Value, End = s.End + r.Start.Value }))];
        Assert.NotEmpty(expected);
        Assert.Equal(expected, FoundSpan.Read(result.Text));
        Assert.All(expected, s => Assert.Equal(s.Text, Text[s.Start..s.End]));
        Assert.Equal($"[{string.Join(", ", expected.Select(s => s.Text))}] [{string.Join(", ", expected.Select(s => s.Text))}]",
            Ask("p: {steps: {who: {task: names, each: sentences}}, output: \"[{who}] [{who.name}]\"}", Text).Text);
    }

    [Fact]
    public void A_text_that_is_too_long_for_a_module_is_cut_by_its_own_tokens()
    {
        Assert.Equal("context_length_exceeded", Assert.Throws<RequestException>(() => Ask("p: {steps: {r: {task: reply}}, output: \"{r}\"}", LongText)).Code);
        ModuleResult result = Ask("""p: {steps: {r: {task: reply, each: 20 tokens, separator: "|"}}, output: "{r}"}""", LongText);
        string[] parts = result.Text.Split('|');
        Assert.Equal(parts.Length, result.Steps[0].Parts);
        Assert.True(parts.Length > 3);
        using Release release = Release.Open(tiny.Folder);
        Range[] ranges = [.. TextChunks.Tokens(LongText, 20, t => ModuleTokens.Count(release.Module("reply").Module!, t))];
        Assert.Equal(ranges.Select(r => Alone("reply", LongText[r]).Text), parts);
        ModuleResult moods = Ask("p: {steps: {m: {task: mood, each: 2 tokens}, l: {join: heard, when: {step: m, is: loud}}}, output: \"{l} {m}\"}", "silence please shout loud be quiet");
        Assert.Equal("heard calm\nloud\ncalm", moods.Text); // some part is loud; the bag's tokens are words
        Assert.Equal(new[] { "silence please", "shout loud", "be quiet" }.Min(t => Alone("mood", t).Confidence), moods.Steps[0].Confidence);
    }

    [Fact]
    public void A_failing_step_is_handled_as_declared()
    {
        const string Form = "p: {{steps: {{r: {{task: reply{0}}}, m: {{task: mood, text: \"{{r}} {{input}}\"}}}}, output: \"[{{r}}] {{m}}\"}}";
        RequestException failed = Assert.Throws<RequestException>(() => Ask(string.Format(Form, ""), LongText));
        Assert.StartsWith("pipeline 'p', step 'r': the request has ", failed.Message, StringComparison.Ordinal);
        ModuleResult skipped = Ask(string.Format(Form, ", on_failure: skip"), LongText), replaced = Ask(string.Format(Form, ", on_failure: default shout it out"), LongText);
        Assert.Equal(("[] " + Alone("mood", " " + LongText).Text, StepState.Skipped), (skipped.Text, skipped.Steps[0].State));
        Assert.Equal(("[shout it out] " + Alone("mood", "shout it out " + LongText).Text, StepState.Default), (replaced.Text, replaced.Steps[0].State));
        Assert.Contains("at most 48", replaced.Steps[0].Reason, StringComparison.Ordinal);
        Assert.Null(replaced.Steps[0].Module);
        ModuleResult asLabel = Ask("p: {steps: {m: {task: mood, text: \"{r}\"}, r: {task: reply, on_failure: default quiet}, x: {join: yes, when: {step: m, is: calm}}}, output: \"{x}\"}", LongText);
        Assert.Equal("yes", asLabel.Text);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(", on_failure: skip", "[]")]
    [InlineData(", on_failure: default late", "[late]")]
    public void A_step_that_takes_longer_than_its_limit_fails(string rule, string? text)
    {
        using var gone = new CancellationTokenSource();
        var words = new WordHost { BeforeWord = (_, cancel) => Assert.True(cancel.WaitHandle.WaitOne(TimeSpan.FromSeconds(60))) }; // writes nothing until it is told to stop
        var host = new PipelineHost(words, PipelineCases.Read($"p: {{steps: {{r: {{task: reply, limit: 1ms{rule}}}}}, output: \"[{{r}}]\"}}"), default, (_, _) => 1);
        var request = new ModuleRequest { Module = "p", Prompt = "x" };
        if (text is null)
            Assert.Equal("pipeline 'p', step 'r': it took longer than its limit of 1 ms", Assert.Throws<StepTimeoutException>(() => host.Run(request, new Heard(), gone.Token)).Message);
        else
            Assert.Equal(text, host.Run(request, new Heard(), gone.Token).Text);
        gone.Cancel(); // whoever asked left: that is no failure of a step
        Assert.Throws<OperationCanceledException>(() => host.Run(request, new Heard(), gone.Token));
    }

    [Fact]
    public void Branches_run_at_the_same_time_and_one_that_fails_stops_the_others()
    {
        using var both = new Barrier(2);
        var words = new WordHost { BeforeWord = (n, cancel) => Assert.True(n > 0 || both.SignalAndWait(TimeSpan.FromSeconds(60), cancel)) };
        const string Two = "p: {steps: {a: {task: reply}, b: {task: reply, text: \"{input} b\"}}, output: \"{a}, {b}, {a}, {b}\"}";
        var request = new ModuleRequest { Module = "p", Prompt = "x" };
        ModuleResult result = new PipelineHost(words, PipelineCases.Read(Two), default, (_, _) => 1).Run(request, new Heard(), CancellationToken.None);
        Assert.Equal("1 2 3 4 5, 1 2 3 4 5, 1 2 3 4 5, 1 2 3 4 5", result.Text);

        // 'a' waits until it is stopped; only the failure of 'b' does that.
        var stopped = new WordHost { BeforeWord = (_, cancel) => cancel.WaitHandle.WaitOne(TimeSpan.FromSeconds(60)) };
        const string Failing = "p: {steps: {a: {task: reply}, b: {task: reply, text: \"1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 {input}\"}}, output: \"{a}, {b}, {a}, {b}\"}";
        Assert.StartsWith("pipeline 'p', step 'b': ", Assert.Throws<RequestException>(
            () => new PipelineHost(stopped, PipelineCases.Read(Failing), default, (_, _) => 1).Run(request, new Heard(), CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_step_that_writes_is_heard_while_it_writes()
    {
        const string Both = """
            p:
              steps:
                mood: {task: mood}
                a: {task: reply, text: "{mood} {input}", when: {step: mood, is: loud}}
                b: {task: reply, when: {step: mood, is: calm}}
              output: "mood {mood}: {a}{b} (end)"
            """;
        foreach (string text in (string[])[Loud, Calm])
        {
            (ModuleResult result, Heard heard) = Ask(Both, new ModuleRequest { Module = "p", Prompt = text });
            (ModuleResult alone, Heard pieces) = Ask(Both, new ModuleRequest { Module = "reply", Prompt = text == Loud ? $"loud {text}" : text });
            Assert.True(pieces.Pieces.Count > 1);
            Assert.Equal([$"mood {(text == Loud ? "loud" : "calm")}: ", .. pieces.Pieces, " (end)"], heard.Pieces);
            Assert.Equal(alone.Finish, result.Finish);
        }
    }

    [Fact]
    public void A_failure_before_the_first_word_says_nothing()
    {
        using Release release = Release.Open(tiny.Folder);
        using var modules = new ReleaseHost(release, default);
        var host = new PipelineHost(modules, PipelineCases.Read("p: {steps: {m: {task: mood}, r: {task: reply}}, output: \"{m} {r}\"}"), default, (_, _) => 1);
        var heard = new Heard();
        Assert.Throws<RequestException>(() => host.Run(new ModuleRequest { Module = "p", Prompt = LongText }, heard, CancellationToken.None));
        Assert.Null(heard.Choice);
    }

    [Fact]
    public void What_a_request_says_about_sampling_is_about_the_steps_that_write_the_answer()
    {
        const string Two = "p: {steps: {a: {task: reply}, b: {task: reply, text: \"{a}\"}}, output: \"{b}\"}";
        var request = new ModuleRequest { Module = "p", Prompt = "answer me", MaxTokens = 2, Temperature = 2, Seed = 3 };
        ModuleResult result = Ask(Two, request).Result;
        Assert.Equal(Alone("reply", "answer me").Text, result.Steps[0].Output);
        Assert.Equal(Ask(Two, request with { Module = "reply", Prompt = result.Steps[0].Output }).Result.Text, result.Text);
        Assert.Equal(FinishReason.Length, result.Finish);
        Grammar grammar = Grammar.Parse("root ::= \"yes\" | \"no\"", "g");
        Assert.Contains(Ask(Two, new ModuleRequest { Module = "p", Prompt = "answer me", Grammar = grammar }).Result.Text, (string[])["yes", "no"]);
        Assert.Equal("response_format", Assert.Throws<RequestException>(() => Ask(Two.Replace("output: \"{b}\"", "output: \"{b}.\"", StringComparison.Ordinal), new ModuleRequest { Module = "p", Prompt = "x", Grammar = grammar })).Parameter);
    }

    [Fact]
    public void A_step_that_reads_just_the_input_gets_the_conversation()
    {
        ChatMessage[] messages = [new ChatMessage(ChatRole.User, "hello"), new ChatMessage(ChatRole.Assistant, "hello there"), new ChatMessage(ChatRole.User, "answer me")];
        ModuleResult alone = Ask("p: {steps: {r: {task: reply}}, output: \"{r}\"}", new ModuleRequest { Module = "reply", Messages = messages }).Result;
        Assert.Equal(alone.Text, Ask("p: {steps: {r: {task: reply}}, output: \"{r}\"}", new ModuleRequest { Module = "p", Messages = messages }).Result.Text);
        Assert.Equal(Alone("reply", "answer me ").Text, Ask("p: {steps: {r: {task: reply, text: \"{input} \"}}, output: \"{r}\"}", new ModuleRequest { Module = "p", Messages = messages }).Result.Text);
    }

    [Fact]
    public void A_release_serves_its_pipelines_under_their_names()
    {
        using var own = new TinyRelease();
        using (Release none = Release.Open(own.Folder))
        {
            using var modules = new ReleaseHost(none, default);
            Assert.Same(modules, PipelineHost.Of(none, modules, default));
        }
        own.Declare(PipelineCases.Read("care: {steps: {m: {task: mood, each: 3 tokens}, r: {task: reply}}, output: \"{m}: {r}\"}\njudge: {steps: {m: {task: mood}}, output: \"{m}\"}"));
        using Release release = Release.Open(own.Folder);
        using var inner = new ReleaseHost(release, default);
        IModuleHost host = PipelineHost.Of(release, inner, DateTimeOffset.UnixEpoch);
        Assert.Equal([("mood", TaskKind.Classify, false), ("reply", TaskKind.Generate, false), ("names", TaskKind.Extract, false), ("care", TaskKind.Generate, true), ("judge", TaskKind.Classify, true)],
            host.Modules.Select(m => (m.Name, m.Kind, m.IsPipeline)));
        Assert.True(host.CanRoute);
        ModuleResult judged = host.Run(new ModuleRequest { Module = "judge", Prompt = Loud }, new Heard(), CancellationToken.None);
        Assert.Equal(("loud", Alone("mood", Loud).Confidence), (judged.Text, judged.Confidence));
        Assert.Equal("mood", host.Run(new ModuleRequest { Module = "auto", Prompt = Loud }, new Heard(), CancellationToken.None).Choice.Task);
        Assert.Contains("care, judge, auto", Assert.Throws<UnknownModuleException>(() => host.Run(new ModuleRequest { Module = "none", Prompt = "x" }, new Heard(), CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_name_a_pipeline_as_they_name_a_model()
    {
        var host = new PipelineHost(new WordHost(), PipelineCases.Read("p: {steps: {m: {task: mood}, r: {task: reply}}, output: \"{m}: {r}\"}"), default, (_, _) => 1);
        await using RunningServer server = await RunningServer.StartAsync(host);
        using HttpResponseMessage response = await server.Post("/v1/chat/completions", """{"model": "p", "messages": [{"role": "user", "content": "go away!"}]}""");
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal("loud: 1 2 3 4 5", answer.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("p", answer.RootElement.GetProperty("model").GetString());
        using HttpResponseMessage stream = await server.Post("/v1/chat/completions", """{"model": "p", "stream": true, "messages": [{"role": "user", "content": "go away!"}]}""");
        string events = await stream.Content.ReadAsStringAsync();
        Assert.Contains("\"content\":\"loud: \"", events, StringComparison.Ordinal);
        Assert.Contains("\"content\":\" 4\"", events, StringComparison.Ordinal);
        Assert.Contains("\"p\"", await server.Client.GetStringAsync("/v1/models"), StringComparison.Ordinal);
    }
}
