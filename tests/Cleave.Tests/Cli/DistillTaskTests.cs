using System.Text.Json;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Tests.Models;
using Cleave.Tests.Splitting;

namespace Cleave.Tests.Cli;

public sealed class DistillTaskTests : IDisposable
{
    private readonly SmallProject _project = new();

    public DistillTaskTests()
    {
        File.AppendAllText(_project.ProjectPath, "\ntraining: {batch-tokens: 256, learning-rate: 0.005, epochs: 2}\n");
    }

    public void Dispose() => _project.Dispose();

    [Fact]
    public void A_student_of_one_layer_learns_a_task_from_a_module()
    {
        Train("mood");
        JsonElement json = Done("--task", "mood", "--layers", "1", "--soft", "0.7", "--temperature", "3");
        Assert.Equal("distill soft 0.7 at 3", json.GetProperty("method").GetString());
        Assert.True(json.GetProperty("metric").GetDouble() > 0.9);
        LanguageModel student = ModelFolder.Load(At("out"));
        Assert.Single(student.Transformer.Layers);
        Assert.Equal(["bad", "good"], student.Head("mood")!.Labels);
        JsonElement module = JsonDocument.Parse(File.ReadAllText(At("out/module.json"))).RootElement;
        Assert.Equal(At("teacher"), module.GetProperty("lineage").GetProperty("teacher").GetString());
        Assert.Equal("distill", module.GetProperty("recipe").GetProperty("method").GetString());
    }

    [Fact]
    public void A_students_head_begins_as_its_teachers()
    {
        Train("mood");
        Done("--task", "mood", "--layers", "2", "--learning-rate", "1e-12", "--epochs", "1");
        TaskHead teacher = ModelFolder.Load(At("teacher")).Head("mood")!, student = ModelFolder.Load(At("out")).Head("mood")!;
        Assert.Equal([.. teacher.Projection.Weight.Data], [.. student.Projection.Weight.Data]);
    }

    [Fact]
    public void Labels_are_taught_across_tokenizers_and_tags_are_not()
    {
        ModelFolder.Save(At("words"), TinyModel.CreateEncoder(), WeightType.F32);
        Train("mood");
        Assert.True(Done("--task", "mood", "--student", At("words"), "--soft", "1").GetProperty("metric").GetDouble() > 0.8);
        Train("thing");
        Refused("different tokenizers", At("teacher"), "--task", "thing", "--student", At("words"));
        Assert.True(Done("--task", "thing", "--layers", "1").GetProperty("metric").GetDouble() >= 0);
    }

    [Fact]
    public void An_ensemble_teaches_one_model()
    {
        CommandLine run = CommandLine.Run("train", At("base"), "--project", _project.Folder, "--task", "mood", "--ensemble", "bagging", "--members", "2", "--out", At("teacher"), "--quiet");
        Assert.True(run.Status == 0, run.Error);
        JsonElement json = Done("--task", "mood", "--student", At("base"), "--soft", "1");
        Assert.True(json.GetProperty("metric").GetDouble() > 0.9);
        Refused("is not one stack of layers", At("teacher"), "--task", "mood", "--layers", "1");
    }

    [Fact]
    public void A_teachers_answers_become_the_training_answers_of_any_student()
    {
        string items = string.Join("\n", Enumerable.Range(0, 60).Select(i => $"{{\"text\": \"say {i % 10} or {i}\", \"target\": \"{i % 10}\"}}"));
        File.WriteAllText(At("say.jsonl"), items);
        File.WriteAllText(_project.ProjectPath, "name: small\nbase: base\ntasks:\n  say: {kind: generate, train: say.jsonl}\ntraining: {batch-tokens: 256, max-tokens: 32, epochs: 1}\n");
        ModelFolder.Save(At("other"), TinyModel.CreateGpt2(), WeightType.F32);
        Train("say");
        JsonElement json = Done("--task", "say", "--student", At("other"), "--answers", "--soft", "0");
        Assert.Equal("distill soft 0 at 2, on the teacher's answers", json.GetProperty("method").GetString());
        Assert.Equal("gpt2", ModelFolder.Load(At("out")).Transformer.Spec.Family);
        Assert.True(Done("--task", "say", "--layers", "1", "--answers").GetProperty("metric").GetDouble() >= 0);
    }

    [Fact]
    public void Wrong_requests_are_refused_in_one_line()
    {
        Train("mood");
        Refused("answers for mood (Classify), not for thing (Extract)", At("teacher"), "--task", "thing", "--layers", "1");
        Refused("--hidden is for a text", At("teacher"), "--task", "mood", "--layers", "1", "--hidden", "1");
        Refused("from one teacher", At("teacher"), At("teacher"), "--task", "mood", "--layers", "1");
        Refused("nothing would be learnt", At("teacher"), "--task", "mood", "--layers", "1", "--soft", "0");
        Refused("tasks of the kind generate", At("teacher"), "--task", "mood", "--layers", "1", "--answers");
        Refused("look at a text", At("teacher"), "--task", "mood", "--layers", "1", "--by", "loss");
        Refused("the project has", At("teacher"), "--task", "moods", "--layers", "1");
        Refused("has 2 layers", At("teacher"), "--task", "mood", "--layers", "3");
        string project = File.ReadAllText(_project.ProjectPath);
        File.WriteAllText(_project.ProjectPath, project.Replace("learning-rate: 0.005", "learning-rate: 0.005, mixup: 0.2", StringComparison.Ordinal));
        Refused("take mixup out", At("teacher"), "--task", "mood", "--layers", "1");
        File.WriteAllText(_project.ProjectPath, project);
        File.WriteAllText(At("mood.train.jsonl"), File.ReadAllText(At("mood.train.jsonl")).Replace("\"bad\"", "\"poor\"", StringComparison.Ordinal));
        File.WriteAllText(At("mood.test.jsonl"), File.ReadAllText(At("mood.test.jsonl")).Replace("\"bad\"", "\"poor\"", StringComparison.Ordinal));
        Refused("the data's 'poor' is not among the teacher's", At("teacher"), "--task", "mood", "--layers", "1");
        CommandLine text = CommandLine.Run("distill", At("base"), "--layers", "1", "--train", At("mood.train.jsonl"), "--answers", "--out", At("out"));
        Assert.Contains("--answers is for a task", text.OneLineError(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("out")) || Directory.Exists(At("out.work")));
    }

    private void Train(string task)
    {
        CommandLine run = CommandLine.Run("train", At("base"), "--project", _project.Folder, "--task", task, "--out", At("teacher"), "--force", "--quiet");
        Assert.True(run.Status == 0, run.Error);
    }

    private JsonElement Done(params string[] more)
    {
        CommandLine run = CommandLine.Run(["distill", At("teacher"), "--project", _project.Folder, .. more, "--out", At("out"), "--force", "--json"]);
        Assert.True(run.Status == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private void Refused(string problem, params string[] args)
    {
        CommandLine run = CommandLine.Run(["distill", .. args, "--project", _project.Folder, "--out", At("out-refused")]);
        Assert.Equal(2, run.Status);
        Assert.Contains(problem, run.OneLineError(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("out-refused")));
    }

    private string At(string name) => Path.Combine(_project.Folder, name);
}
