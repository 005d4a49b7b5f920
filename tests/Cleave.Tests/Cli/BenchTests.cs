using System.Text.Json;
using Cleave.Cli.Measure;

namespace Cleave.Tests.Cli;

public sealed class BenchTests
{
    private static readonly string[] Tiny =
        ["bench", "training", "--vocab", "40", "--dim", "16", "--layers", "2", "--heads", "2", "--ffn", "24", "--batch", "2", "--context", "8", "--steps", "2"];

    [Fact]
    public void Training_prints_one_document_with_the_fields_of_the_contract()
    {
        CommandLine run = CommandLine.Run([.. Tiny, "--json"]);
        Assert.Equal("", run.Error);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(["parameters", "tokens_per_s", "gflops", "allocated_bytes_per_step", "activation_bytes"], json.RootElement.EnumerateObject().Select(p => p.Name));
        // Embedding 40·16; a layer: 4 matrices 16·16, 3 of 16·24, 2 norms; the final norm.
        Assert.Equal(40 * 16 + 2 * (4 * 256 + 3 * 384 + 32) + 16, json.RootElement.GetProperty("parameters").GetInt64());
        Assert.True(json.RootElement.GetProperty("tokens_per_s").GetDouble() > 0);
    }

    [Fact]
    public void Training_holds_less_when_layers_are_computed_again_or_activations_are_halved()
    {
        long whole = Held(), recomputed = Held("--recompute"), half = Held("--activations", "bfloat16");
        Assert.True(recomputed < whole, $"{recomputed} of {whole}");
        Assert.True(half < whole, $"{half} of {whole}");
        Assert.Contains("float32", CommandLine.Run([.. Tiny, "--activations", "int8"]).OneLineError(), StringComparison.Ordinal);

        static long Held(params string[] options)
        {
            string[] shape = [.. Tiny];
            shape[Array.IndexOf(shape, "--layers") + 1] = "8";
            CommandLine run = CommandLine.Run([.. shape, .. options, "--json"]);
            Assert.Equal(0, run.Status);
            using JsonDocument json = JsonDocument.Parse(run.Output);
            return json.RootElement.GetProperty("activation_bytes").GetInt64();
        }
    }

    [Theory]
    [InlineData("--heads", "3", "multiple of --heads 3")]
    [InlineData("--heads", "16", "head size 1 must be even")]
    [InlineData("--layers", "0", "--layers 0 must be at least 1")]
    [InlineData("--context", "-1", "--context -1 must be at least 1")]
    public void Impossible_shapes_are_refused(string option, string value, string message)
    {
        string[] args = [.. Tiny];
        args[Array.IndexOf(args, option) + 1] = value;
        CommandLine run = CommandLine.Run(args);
        Assert.Equal(2, run.Status);
        Assert.Contains(message, run.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_median_is_the_middle()
    {
        Assert.Equal(3, Median.Of<double>([9, 1, 3]));
        Assert.Equal(2, Median.Of<long>([9, 1, 3, 1]));
        Assert.Throws<ArgumentException>(() => Median.Of<int>([]));
    }
}
