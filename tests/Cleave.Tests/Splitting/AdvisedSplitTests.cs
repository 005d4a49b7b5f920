using System.Text.Json.Nodes;
using Cleave.Splitting;
using Cleave.Splitting.Projects;
using Cleave.Tests.Cli;
using Cleave.Tests.Tuning.Advice;
using Cleave.Tuning.Advice;

namespace Cleave.Tests.Splitting;

/// <summary>A split whose search takes advice.</summary>
public sealed class AdvisedSplitTests : IDisposable
{
    private readonly SmallProject _project = new();

    public AdvisedSplitTests() => Write(File.ReadAllText(_project.ProjectPath)
        .Replace("search: {trials: 3, sampler: random}", "search: {trials: 4, sampler: advisor, space: {student: transformer}, advisor: {model: m, sampler: random, ask: \"1 layer, 2 epochs at most\"}}", StringComparison.Ordinal)
        .Replace("  thing:", "#  thing:", StringComparison.Ordinal));

    public void Dispose() => _project.Dispose();

    private void Write(string text) => File.WriteAllText(_project.ProjectPath, text);

    // The first choice or the highest number of each parameter, by the schema alone.
    private static string Highest(AdvicePrompt prompt)
    {
        JsonObject parameters = prompt.Schema["properties"]!["proposals"]!["items"]!["properties"]!["params"]!["properties"]!.AsObject();
        var set = new JsonObject(parameters.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)(p.Value!["enum"]?[0] ?? p.Value["maximum"])!.DeepClone())));
        return ScriptedModel.Proposing(set.ToJsonString());
    }

    [Fact]
    public void The_request_holds_for_every_trial_and_advice_is_tried_and_kept()
    {
        var model = new ScriptedModel((_, prompt, _) => Task.FromResult(Highest(prompt)));
        string output = Path.Combine(_project.Folder, "release");
        SplitResult result = new Splitter(ProjectReader.Load(_project.Folder), new SplitOptions(output, false, false, "cleave split small", true) { Advice = model }, TimeProvider.System).Run();
        TaskResult mood = Assert.Single(result.Tasks);
        Assert.All(mood.Study.Trials, t => Assert.Equal((1, true), (t.Parameters!["layers"].AsInt(), t.Parameters["epochs"].AsInt() <= 2)));
        JsonNode told = JsonNode.Parse(model.Asked[0].User)!;
        Assert.Equal((2, "epochs <= 2"), ((int)told["data"]!["labels"]!, (string)told["understood"]![1]!));
        JsonNode kept = JsonNode.Parse(File.ReadLines(output + ".advice/mood.jsonl").First())!;
        string proposed = kept["proposals"]![0]!["params"]!.ToJsonString();
        Assert.Contains(mood.Study.Trials, t => t.Parameters!.ToJson().ToJsonString() == proposed);
    }

    [Fact]
    public void A_request_that_leaves_nothing_and_advice_for_several_processes_are_refused_before_anything_is_made()
    {
        CommandLine several = CommandLine.Run("split", _project.Folder, "--launch", "local:2");
        Assert.Equal(2, several.Status);
        Assert.Contains("is for a split by one process", several.OneLineError(), StringComparison.Ordinal);
        Write(File.ReadAllText(_project.ProjectPath).Replace("1 layer,", "more than 2 layers,", StringComparison.Ordinal));
        Assert.Contains("'search.advisor.ask': 'more than 2 layers' leaves nothing of 'layers', which can be 1 to 2", CommandLine.Run("advise", _project.Folder).OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_project_says_each_tasks_data_and_space()
    {
        CommandLine run = CommandLine.Run("advise", _project.Folder, "--ask", "feed forward at most 32", "--json");
        Assert.True(run.Status == 2 && run.Error.Contains("no such model", StringComparison.Ordinal), run.Error); // the file names one: m
        Write(File.ReadAllText(_project.ProjectPath).Replace("sampler: advisor", "sampler: random", StringComparison.Ordinal).Replace("model: m, ", "", StringComparison.Ordinal));
        run = CommandLine.Run("advise", _project.Folder, "--ask", "epochs at least 2", "--json");
        Assert.True(run.Status == 0, run.Error);
        JsonNode task = Assert.Single(JsonNode.Parse(run.Output)!.AsArray())!;
        Assert.True((int)task["data"]!["training_items"]! > 100);
        Assert.Contains("    layers: 1\n", (string)task["yaml"]!, StringComparison.Ordinal);
        Assert.Contains("    epochs: 2\n", (string)task["yaml"]!, StringComparison.Ordinal);
    }
}
