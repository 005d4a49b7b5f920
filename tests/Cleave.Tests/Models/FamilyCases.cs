using System.Text.Json;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Models;

/// <summary>A tiny model of every family with what PyTorch makes of it: Golden/families, by make.py there.</summary>
internal static class FamilyCases
{
    public static string Root { get; } = Path.Combine(AppContext.BaseDirectory, "Golden", "families");

    /// <summary>Those that give tokens of the vocabulary scores, and among them those that continue texts.</summary>
    public static TheoryData<string> Names { get; } = Of("ForCausalLM", "LMHeadModel", "ForMaskedLM");

    public static TheoryData<string> Decoders { get; } = Of("ForCausalLM", "LMHeadModel");

    /// <summary>Encoders with whatever heads they have.</summary>
    public static TheoryData<string> Encoders { get; } = Of("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering");

    public static string Folder(string name) => Path.Combine(Root, name);

    private static TheoryData<string> Of(params string[] architectures) => [.. Directory.GetDirectories(Root).Select(d => Path.GetFileName(d))
        .Where(name => architectures.Any(a => Architecture(name).EndsWith(a, StringComparison.Ordinal))).Order(StringComparer.Ordinal)];

    private static string Architecture(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder(name), "config.json"))).RootElement.GetProperty("architectures")[0].GetString()!;

    public static Transformer Load(string name) => ModelFolder.LoadTransformer(Folder(name));

    public static JsonElement Expected(string name) => ExpectedIn(Folder(name));

    public static JsonElement ExpectedIn(string folder) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json"))).RootElement;

    public static int[][] Sequences(string name) => Lists(Expected(name).GetProperty("sequences"));

    public static int[][] Lists(JsonElement lists) => [.. lists.EnumerateArray().Select(s => s.EnumerateArray().Select(i => i.GetInt32()).ToArray())];

    public static float[] Logits(Transformer model, params int[][] sequences)
    {
        using var tape = new Tape(records: false);
        return model.Logits(tape, model.Forward(tape, Batch(sequences))).Data.ToArray();
    }

    public static TokenBatch Batch(params int[][] sequences)
    {
        var batch = new TokenBatch();
        foreach (int[] s in sequences)
            batch.Add(s);
        return batch;
    }

    public static void Close(IEnumerable<double> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        double[] e = [.. expected];
        Assert.Equal(e.Length, actual.Length);
        for (int i = 0; i < e.Length; i++)
            Assert.True(Math.Abs(e[i] - actual[i]) < tolerance, $"{what}[{i}]: {actual[i]}, expected {e[i]}");
    }

    public static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(x => x.GetDouble())];
}
