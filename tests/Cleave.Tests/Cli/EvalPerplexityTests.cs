using System.Text.Json;
using Cleave.Models;
using Cleave.Tests.Models;

namespace Cleave.Tests.Cli;

public sealed class EvalPerplexityTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-perplexity").FullName;
    private readonly string _model, _other, _text;

    public EvalPerplexityTests()
    {
        (_model, _other, _text) = (Path.Combine(_folder, "a"), Path.Combine(_folder, "b"), Path.Combine(_folder, "text.txt"));
        ModelFolder.Save(_model, TinyModel.Create(), WeightType.F32);
        ModelFolder.Save(_other, TinyModel.Create(seed: 2), WeightType.F32);
        File.WriteAllText(_text, string.Concat(Enumerable.Repeat("where is my parcel? it has not arrived yet, thank you. ", 12)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JsonElement Json(CommandLine run) => JsonDocument.Parse(run.Output).RootElement;

    [Fact]
    public void A_model_is_as_far_from_itself_as_it_should_be()
    {
        CommandLine run = CommandLine.Run("eval", "perplexity", _model, "--text", _text, "--stride", "16", "--compare", _model, "--max-kl", "0", "--json");
        Assert.True(run.Status == 0, run.Error);
        JsonElement compare = Json(run).GetProperty("compare");
        Assert.Equal((0.0, 1.0, 0.0), (compare.GetProperty("mean_kl").GetDouble(), compare.GetProperty("perplexity_ratio").GetDouble(), compare.GetProperty("flips").GetDouble()));
        Assert.True(compare.GetProperty("flips_high").GetDouble() > 0);
        Assert.Equal(64, Json(run).GetProperty("context").GetInt32()); // the model's, as it is below the usual 512
        Assert.InRange(Json(run).GetProperty("perplexity").GetDouble(), Json(run).GetProperty("low").GetDouble(), Json(run).GetProperty("high").GetDouble());
    }

    [Fact]
    public void Another_model_is_too_far()
    {
        string[] line = ["eval", "perplexity", _model, "--text", _text, "--context", "32", "--compare", _other];
        CommandLine run = CommandLine.Run([.. line, "--max-kl", "0.000001"]);
        Assert.Equal(1, run.Status);
        Assert.Contains("TOO FAR", run.Output, StringComparison.Ordinal);
        CommandLine allowed = CommandLine.Run([.. line, "--max-kl", "100", "--json"]);
        Assert.True(allowed.Status == 0, allowed.Error);
        Assert.True(Json(allowed).GetProperty("compare").GetProperty("mean_kl").GetDouble() > 0.000001);
    }

    [Theory]
    [InlineData("--max-kl is a number", "--max-kl", "1")]
    [InlineData("--stride 33 must be from 1 to the 32", "--context", "32", "--stride", "33")]
    [InlineData("longer than the model's context of 64", "--context", "65")]
    [InlineData("fetch it with: cleave pull hf:nobody/nothing-of-the-kind", "--compare", "hf:nobody/nothing-of-the-kind")]
    public void A_wrong_request_is_one_line(string message, params string[] options)
    {
        CommandLine run = CommandLine.Run(["eval", "perplexity", _model, "--text", _text, .. options]);
        Assert.Equal(2, run.Status);
        Assert.Contains(message, run.OneLineError(), StringComparison.Ordinal);
    }
}
