using System.Text.Json;
using Cleave.Tests.Serving;
using Cleave.Tests.Splitting.Pipelines;

namespace Cleave.Tests.Cli;

public sealed class PipelineCommandTests : IDisposable
{
    private readonly TinyRelease _release = new();

    public PipelineCommandTests() => _release.Declare(PipelineCases.Read("""
        care:
          steps:
            mood: {task: mood}
            who: {task: names}
            note: {join: "please be quiet", when: {step: mood, is: loud}}
            far: {task: reply, text: "{input} {input} {input}", on_failure: default (no answer)}
          output: "{mood}: {note} {far} {who}"
        find: {steps: {who: {task: names, on_failure: "default [none]"}}, output: "{who}"}
        """));

    public void Dispose() => _release.Dispose();

    [Fact]
    public void Run_asks_a_pipeline_and_tells_its_steps()
    {
        CommandLine text = CommandLine.Run("run", _release.Folder, "so loud, shout, anna, shout it out, so loud today", "--pipeline", "care");
        Assert.Equal(0, text.Status);
        Assert.StartsWith("loud: please be quiet (no answer)", text.Output, StringComparison.Ordinal);
        Assert.Contains("mood: answered by mood, confidence ", text.Error, StringComparison.Ordinal);
        Assert.Contains("note: put together", text.Error, StringComparison.Ordinal);
        Assert.Contains("far: '(no answer)' instead of an answer (the request has ", text.Error, StringComparison.Ordinal);
        Assert.Equal("", CommandLine.Run("run", _release.Folder, "so loud, shout", "--pipeline", "care", "--quiet").Error);
        CommandLine lines = CommandLine.RunWith("{\"text\": \"so loud, shout, anna, shout it out, so loud today\"}\n{\"text\": \"all is calm\"}\n", CancellationToken.None, "run", _release.Folder, "--pipeline", "care", "--json");
        JsonElement[] answers = [.. lines.Output.TrimEnd('\n').Split('\n').Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(2, answers.Length);
        Assert.Equal(text.Output.TrimEnd('\n'), answers[0].GetProperty("output").GetString());
        Assert.Equal("care", answers[0].GetProperty("pipeline").GetString());
        Assert.Equal(["mood:mood:done", "who:monolith:done", "note::done", "far::default"], Steps(answers[0]));
        Assert.Equal(["mood:mood:done", "who:monolith:done", "note::skipped", "far:reply:done"], Steps(answers[1]));
        JsonElement mood = answers[0].GetProperty("steps")[0], who = answers[0].GetProperty("steps")[1];
        Assert.Equal("loud", mood.GetProperty("output").GetString());
        Assert.True(mood.GetProperty("ms").GetDouble() >= 0 && mood.GetProperty("confidence").GetDouble() > 0.5);
        Assert.Equal(JsonValueKind.Array, who.GetProperty("output").ValueKind);

        JsonElement found = JsonDocument.Parse(CommandLine.Run("run", _release.Folder, "it is anna", "--pipeline", "find", "--json").Output).RootElement;
        Assert.Equal(JsonValueKind.Array, found.GetProperty("output").ValueKind);
        string words = string.Join(' ', Enumerable.Repeat("anna", 60));
        JsonElement none = JsonDocument.Parse(CommandLine.Run("run", _release.Folder, words, "--pipeline", "find", "--json").Output).RootElement;
        Assert.Equal("[none]", none.GetProperty("output").GetString());

        static string[] Steps(JsonElement answer) => [.. answer.GetProperty("steps").EnumerateArray().Select(s => $"{s.GetProperty("step")}:{s.GetProperty("module")}:{s.GetProperty("state")}")];
    }

    [Fact]
    public void What_cannot_be_asked_is_refused_in_one_line()
    {
        Assert.Contains("no pipeline 'caer' (did you mean 'care'?)", Refused("x", "--pipeline", "caer"), StringComparison.Ordinal);
        Assert.Contains("exclude each other", Refused("x", "--pipeline", "care", "--module", "mood"), StringComparison.Ordinal);
        CommandLine task = CommandLine.RunWith("{\"text\": \"x\", \"task\": \"mood\"}\n", CancellationToken.None, "run", _release.Folder, "--pipeline", "care");
        Assert.Contains("no 'task'", task.OneLineError(), StringComparison.Ordinal);
        using var plain = new TinyRelease();
        Assert.Contains("has no pipelines", CommandLine.Run("run", plain.Folder, "x", "--pipeline", "care").OneLineError(), StringComparison.Ordinal);
        Assert.Contains("pipeline care: mood (mood), who (names), note, far (reply)", CommandLine.Run("inspect", _release.Folder).Output, StringComparison.Ordinal);
        Assert.Equal("care", JsonDocument.Parse(CommandLine.Run("inspect", _release.Folder, "--json").Output).RootElement.GetProperty("pipelines")[0].GetString());
    }

    private string Refused(params string[] args)
    {
        CommandLine run = CommandLine.Run(["run", _release.Folder, .. args]);
        Assert.Equal(2, run.Status);
        return run.OneLineError();
    }
}
