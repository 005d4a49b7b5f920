using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Models;

/// <summary>An encoder of Golden/families as a whole model in a temporary folder: with a vocabulary in which token 7 is the word w7.</summary>
internal sealed class EncoderFolder : IDisposable
{
    private const int Vocabulary = 40;

    public EncoderFolder(string name, Action<JsonObject>? change = null)
    {
        Expected = FamilyCases.Expected(name);
        string weights = Path.Combine(FamilyCases.Folder(name), ModelFolder.Weights);
        File.Copy(weights, Path.Combine(Folder, ModelFolder.Weights));
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(FamilyCases.Folder(name), ModelFolder.Config)))!;
        change?.Invoke(config);
        File.WriteAllText(Path.Combine(Folder, ModelFolder.Config), config.ToJsonString());
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        File.WriteAllLines(Path.Combine(Folder, "vocab.txt"), [.. special, .. Enumerable.Range(special.Length, Vocabulary - special.Length).Select(i => $"w{i}")]);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("cleave-encoder").FullName;

    public JsonElement Expected { get; }

    public int[][] Sequences => FamilyCases.Lists(Expected.GetProperty("sequences"));

    public int[][] Types => FamilyCases.Lists(Expected.GetProperty("types"));

    public int[] Targets => [.. FamilyCases.Lists(Expected.GetProperty("targets")).SelectMany(t => t)];

    public double[] Rows(string key) => [.. Expected.GetProperty(key).EnumerateArray().SelectMany(s => s.EnumerateArray()).SelectMany(FamilyCases.Numbers)];

    /// <summary>Rows of one sequence's logits.</summary>
    public double[][] Logits(int sequence) => [.. Expected.GetProperty("logits")[sequence].EnumerateArray().Select(FamilyCases.Numbers)];

    public LanguageModel Load() => ModelFolder.Load(Folder);

    public TokenBatch Batch(params int[] sequences)
    {
        var batch = new TokenBatch();
        foreach (int s in sequences)
            batch.Add(Sequences[s], Types[s]);
        return batch;
    }

    /// <summary>What the model's head says: that for its task, or that for the vocabulary.</summary>
    public static Tensor Outputs(LanguageModel model, Tape tape, TokenBatch batch)
    {
        Tensor hidden = model.Transformer.Forward(tape, batch);
        return model.Heads is [TaskHead head] ? head.Forward(tape, model.Transformer, hidden, batch) : model.Transformer.Logits(tape, hidden);
    }

    public float[] Outputs(LanguageModel model, params int[] sequences)
    {
        using var tape = new Tape(records: false);
        return Outputs(model, tape, Batch(sequences)).Data.ToArray();
    }

    /// <summary>The words of some tokens.</summary>
    public static string Words(IEnumerable<int> ids) => string.Join(' ', ids.Select(i => $"w{i}"));

    /// <summary>Writes the weights again under other names, and what else a file may hold.</summary>
    public void Rename(Func<string, string> rename, params TensorToWrite[] more)
    {
        string path = Path.Combine(Folder, ModelFolder.Weights);
        TensorToWrite[] renamed;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            renamed = [.. file.Names.Select(n => new TensorToWrite(rename(n), file.Entry(n).DType, file.Entry(n).Shape, file.Bytes(n).ToArray()))];
        SafetensorsWriter.Write(path, [.. renamed, .. more], SafetensorsWriter.TransformersMetadata);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
