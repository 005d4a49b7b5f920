using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Releases;
using Cleave.Tests.Models;

namespace Cleave.Tests.Splitting;

/// <summary>Whole splits from bases that are not Llama-shaped.</summary>
public sealed class BaseFamiliesTests
{
    [Fact]
    public void An_encoder_is_split_into_encoders_without_the_heads_it_came_with()
    {
        using var project = new SmallProject(TinyModel.CreateEncoder());
        Learn(project);
        SplitResult split = project.Split("release");
        Check(split, "bert");
        string monolith = Path.Combine(split.Folder, ReleaseWriter.MonolithFolder);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(monolith, ModelFolder.Weights));
        Assert.Contains("heads.thing.weight", file.Names);
        Assert.DoesNotContain(file.Names, n => n.StartsWith("cls.", StringComparison.Ordinal) || n.Contains("pooler", StringComparison.Ordinal));
    }

    [Fact]
    public void A_base_of_GPT_2_s_shape_is_split()
    {
        using var project = new SmallProject(TinyModel.CreateGpt2());
        Learn(project);
        Check(project.Split("release"), "gpt2");
    }

    [Theory]
    [InlineData("generate", "target: text")]
    [InlineData("language-model", "text: text")]
    public void A_task_that_writes_is_refused_on_an_encoder_before_any_work(string kind, string column)
    {
        using var project = new SmallProject(TinyModel.CreateEncoder());
        File.WriteAllText(project.ProjectPath, $"""
            name: small
            base: base
            tasks:
              mood: {"{kind: classify, train: mood.train.jsonl, test: mood.test.jsonl}"}
              story: {"{"}kind: {kind}, train: mood.train.jsonl, test: mood.test.jsonl, {column}{"}"}
            """);
        string message = Assert.Throws<ProjectException>(() => project.Split("release")).Message;
        Assert.Contains($"tasks.story.kind: '{kind}' needs a base that continues texts, but base is an encoder (bert)", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.False(Directory.Exists(Path.Combine(project.Folder, "release.work")));
    }

    // Random weights need more than the two epochs of a base that knows something.
    private static void Learn(SmallProject project) => File.WriteAllText(project.ProjectPath, File.ReadAllText(project.ProjectPath)
        .Replace("{epochs: 2,", "{epochs: 15, learning-rate: 3e-3,", StringComparison.Ordinal));

    private static void Check(SplitResult split, string family)
    {
        Assert.Equal(["mood", "thing"], split.Tasks.Select(t => t.Task.Name));
        using Release release = Release.Open(split.Folder);
        // The monolith has learned both tasks: its transformer finds the things, which n-grams cannot.
        TaskResult thing = split.Tasks[1];
        Assert.True(thing.Certificate.Monolith.Value > 0.6, $"span F1 {thing.Certificate.Monolith.Value}");
        Prediction found = release.MonolithFor("thing").Predict([new Example { Text = "3170 I lost my lamp today" }])[0];
        Assert.Equal([new TextSpan(15, 19, "thing")], found.Spans);
        Assert.Equal("bad", release.Answer(new Example { Text = "the lamp was awful and the book too" }, null).Prediction.Label);
        // What the study chose is a smaller model of the same family, which other tools can open by its config.
        string module = Path.Combine(split.Folder, ReleaseWriter.ModulesFolder, "thing");
        string folder = thing.Certificate.Passed ? module : Path.Combine(split.Folder, ReleaseWriter.MonolithFolder);
        Assert.Equal(family, JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ModelFolder.Config)))!["model_type"]!.GetValue<string>());
        Assert.True(thing.Module.Parameters < thing.Monolith.Parameters);
    }
}
