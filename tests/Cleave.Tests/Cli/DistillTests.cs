using System.Text.Json;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;

namespace Cleave.Tests.Cli;

public sealed class DistillTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-distill").FullName;
    private readonly string _teacher, _text;

    public DistillTests()
    {
        (_teacher, _text) = (At("teacher"), At("text.txt"));
        ModelFolder.Save(_teacher, TinyModel.Create(), WeightType.F32);
        File.WriteAllText(_text, string.Join("\n", Enumerable.Range(0, 60).Select(i => (i % 2 == 0 ? "the parcel has not arrived yet, please help " : "where is my order number ") + i)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_student_of_some_layers_is_written_measured_and_runs()
    {
        JsonElement json = Done("distill", _teacher, "--layers", "2", "--train", _text, "--out", At("out"), "--text", _text, "--check", "--hidden", "1", "--attention", "0.5");
        LanguageModel teacher = ModelFolder.Load(_teacher), student = ModelFolder.Load(At("out"));
        Assert.Equal(2, student.Transformer.Layers.Count);
        Assert.Equal(student.Parameters, json.GetProperty("parameters").GetInt64());
        Assert.Equal(4 * student.Parameters, json.GetProperty("weights_bytes").GetInt64());
        Assert.True(student.Parameters < teacher.Parameters);
        Assert.True(json.GetProperty("metric").GetDouble() > 1 && json.GetProperty("seconds").GetDouble() > 0);
        Assert.True(json.GetProperty("check").GetProperty("mean_kl").GetDouble() > 0);
        Assert.Equal("distill soft 0.5 at 2, hidden 1, attention 0.5", json.GetProperty("method").GetString());
        Assert.Contains("layers 0, 2 of 3", json.GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("out.work")));
        Assert.Equal(0, CommandLine.Run("generate", At("out"), "where is", "--max-tokens", "3").Status);
    }

    [Fact]
    public void Kept_predictions_are_made_once_and_said_beforehand()
    {
        string[] args = ["distill", _teacher, "--layers", "1", "--train", _text, "--predictions", At("kept"), "--top", "8", "--updates", "3", "--batch", "2", "--context", "24"];
        CommandLine first = CommandLine.Run([.. args, "--out", At("a")]), second = CommandLine.Run([.. args, "--out", At("b")]);
        Assert.True(first.Status == 0 && second.Status == 0, first.Error + second.Error);
        Assert.Contains("will take", first.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("will take", second.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("b/model.safetensors")));
        string other = At("other.txt");
        File.WriteAllText(other, File.ReadAllText(_text) + " and more");
        CommandLine wrong = CommandLine.Run("distill", _teacher, "--layers", "1", "--train", other, "--predictions", At("kept"), "--context", "24", "--out", At("c"));
        Assert.Equal(2, wrong.Status);
        Assert.Contains("of another text", wrong.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_teachers_teach_a_model_of_its_own()
    {
        ModelFolder.Save(At("second"), TinyModel.Create(seed: 9), WeightType.BF16);
        ModelFolder.Save(At("student"), TinyModel.Create(layers: 1, seed: 5), WeightType.BF16);
        JsonElement json = Done("distill", _teacher, At("second"), "--student", At("student"), "--teacher-weights", "2,1", "--train", _text, "--out", At("out"));
        long bytes = ModelFolder.LoadFrozen(At("student")).Transformer.Weights().Sum(w => w.Weight is Linear linear ? linear.Bytes : 4L * ((Tensor)w.Weight).Length);
        Assert.Equal(bytes, json.GetProperty("weights_bytes").GetInt64()); // stored as the student was
    }

    [Fact]
    public void Wrong_requests_are_refused_in_one_line()
    {
        ModelFolder.Save(At("words"), TinyModel.CreateEncoder(), WeightType.F32);
        string brief = At("brief.txt");
        File.WriteAllText(brief, "too short");
        Refused("no student", _teacher, "--train", _text);
        Refused("one or the other", _teacher, "--student", _teacher, "--layers", "2", "--train", _text);
        Refused("--train is missing", _teacher, "--layers", "2");
        Refused("different tokenizers", _teacher, "--student", At("words"), "--train", _text);
        Refused("is an encoder", At("words"), "--layers", "1", "--train", _text);
        Refused("too few", _teacher, "--layers", "2", "--train", brief);
        Refused("has 3 layers", _teacher, "--layers", "4", "--train", _text);
        Refused("from 0 to 1", _teacher, "--layers", "2", "--train", _text, "--soft", "2");
        Refused("nothing would be learnt", _teacher, "--layers", "2", "--train", _text, "--soft", "0");
        Refused("--temperature", _teacher, "--layers", "2", "--train", _text, "--temperature", "0");
        Refused("weights for 1 teachers", _teacher, "--layers", "2", "--train", _text, "--teacher-weights", "1,2");
        Refused("numbers with commas", _teacher, "--layers", "2", "--train", _text, "--teacher-weights", "1;2");
        Refused("single teacher", _teacher, _teacher, "--layers", "2", "--train", _text, "--hidden", "1");
        Refused("--check needs --text", _teacher, "--layers", "2", "--train", _text, "--check");
        Refused("cannot be read", _teacher, "--layers", "2", "--train", _text, "--updates", "1", "--batch", "2", "--context", "24", "--text", At("absent.txt"));
        Assert.False(Directory.Exists(At("out")) || Directory.Exists(At("out.work")));
    }

    [Fact]
    public void Options_without_effect_are_refused()
    {
        string[] brief = ["--train", _text, "--updates", "1", "--batch", "2", "--context", "24"];
        Refused("--by is for --layers", [_teacher, "--student", _teacher, "--by", "position", .. brief]);
        Refused("--by is for --layers", [_teacher, "--heads", "1", "--by", "position", .. brief]);
        Refused("--relation-layer is for --attention", [_teacher, "--layers", "2", "--relation-layer", "1", .. brief]);
        Refused("--top is for --predictions", [_teacher, "--layers", "2", "--top", "8", .. brief]);
        Refused("--divergence is for --soft above 0", [_teacher, "--layers", "2", "--soft", "0", "--hidden", "1", "--divergence", "reverse", .. brief]);
        Refused("--temperature is for --soft above 0", [_teacher, "--layers", "2", "--soft", "0", "--hidden", "1", "--temperature", "3", .. brief]);
        Assert.False(Directory.Exists(At("out")) || Directory.Exists(At("out.work")));
    }

    private JsonElement Done(params string[] args)
    {
        CommandLine run = CommandLine.Run([.. args, "--updates", "4", "--batch", "2", "--context", "24", "--json"]);
        Assert.True(run.Status == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private void Refused(string problem, params string[] args)
    {
        CommandLine run = CommandLine.Run(["distill", .. args, "--out", At("out")]);
        Assert.Equal(2, run.Status);
        Assert.Contains(problem, run.OneLineError(), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder, name);
}
