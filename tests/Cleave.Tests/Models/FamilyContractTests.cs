using System.Text.Json.Nodes;
using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Models;

/// <summary>What every family must do: the same with a cache, in a batch, after saving, quantized and pruned.</summary>
public sealed class FamilyContractTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-family").FullName;

    public static TheoryData<string> Names => FamilyCases.Names;

    public static TheoryData<string> Decoders => FamilyCases.Decoders;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Decoders))]
    public void A_cache_changes_nothing_beyond_float16(string name)
    {
        Transformer model = FamilyCases.Load(name);
        int[] sequence = FamilyCases.Sequences(name)[0];
        float[] expected = FamilyCases.Logits(model, sequence);
        using var tape = new Tape(records: false);
        using KeyValuePages cache = model.NewCache();
        int done = 0, v = model.Spec.VocabularySize;
        foreach (int count in (int[])[3, 1, 1, 6, 1, 1, 1, 1, 5])
        {
            var batch = new TokenBatch().Add(sequence.AsSpan(done, count), done);
            float[] part = model.Logits(tape, model.Forward(tape, batch, caches: [cache])).Data.ToArray();
            FamilyCases.Close(expected[(done * v)..((done + count) * v)].Select(x => (double)x), part, 1e-2, $"logits from {done}");
            tape.Reset();
            done += count;
        }
        Assert.Equal(sequence.Length, done);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_batch_gives_what_its_sequences_give_alone(string name)
    {
        Transformer model = FamilyCases.Load(name);
        int[][] sequences = FamilyCases.Sequences(name);
        FamilyCases.Close(sequences.SelectMany(s => FamilyCases.Logits(model, s)).Select(x => (double)x), FamilyCases.Logits(model, sequences), 1e-5, "logit");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_folder_is_written_in_the_names_shapes_and_values_that_it_had(string name)
    {
        Transformer model = FamilyCases.Load(name);
        ModelFolder.Save(_folder, model, WeightType.F32);
        using SafetensorsFile original = SafetensorsFile.Open(Path.Combine(FamilyCases.Folder(name), ModelFolder.Weights));
        using SafetensorsFile written = SafetensorsFile.Open(Path.Combine(_folder, ModelFolder.Weights));
        Assert.Equal(original.Names.Order(StringComparer.Ordinal), written.Names.Order(StringComparer.Ordinal));
        foreach (string tensor in original.Names)
        {
            Assert.Equal(original.Entry(tensor).Shape, written.Entry(tensor).Shape);
            float[] a = new float[original.Entry(tensor).Elements], b = new float[a.Length];
            original.ReadSingle(tensor, a);
            written.ReadSingle(tensor, b);
            FamilyCases.Close(a.Select(x => (double)x), b, 1.2e-7, tensor); // 1 + w rounds
        }
        JsonNode before = JsonNode.Parse(File.ReadAllText(Path.Combine(FamilyCases.Folder(name), ModelFolder.Config)))!;
        JsonNode after = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, ModelFolder.Config)))!;
        foreach (string key in (string[])["architectures", "model_type"])
            Assert.True(JsonNode.DeepEquals(before[key], after[key]), key);
        Same(model, ModelFolder.LoadTransformer(_folder), name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Eight_bits_are_close_and_are_saved_as_they_are(string name)
    {
        Transformer model = FamilyCases.Load(name);
        int[][] sequences = FamilyCases.Sequences(name);
        float[] exact = FamilyCases.Logits(model, sequences);
        RoundToNearest.Quantize(model);
        Assert.Contains(model.Weights(), w => w.Weight is QuantizedLinear);
        float[] rounded = FamilyCases.Logits(model, sequences);
        double error = Math.Sqrt(exact.Zip(rounded, (a, b) => (double)(a - b) * (a - b)).Sum() / exact.Sum(a => (double)a * a));
        Assert.InRange(error, 1e-5, 0.1);
        ModelFolder.Save(_folder, model, WeightType.Q8);
        Same(model, ModelFolder.LoadTransformer(_folder), name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Pruning_nothing_changes_nothing_and_a_pruned_model_is_saved_as_it_is(string name)
    {
        Transformer model = FamilyCases.Load(name);
        LayerSpec first = model.Spec.Layers[0];
        int narrowest = model.Spec.Layers.Min(l => l.FeedForwardWidth);
        Importance importance = Importance.Measure(model, FamilyCases.Sequences(name), causal: true);
        if (model.Spec.Layers.All(l => l.FeedForwardWidth == narrowest))
            Assert.Equal(FamilyCases.Logits(model, [1, 2, 3]), FamilyCases.Logits(StructuredPruner.Prune(model, importance, new PruningPlan(2, first.KeyValueHeads, narrowest)), [1, 2, 3]));
        int groups = Math.Max(1, first.KeyValueHeads / 2);
        foreach (int layers in (int[])[1, 2])
        {
            Transformer pruned = StructuredPruner.Prune(model, importance, new PruningPlan(layers, groups, narrowest / 2));
            Assert.Equal(layers, pruned.Layers.Count);
            Assert.True(pruned.Spec.Parameters < model.Spec.Parameters);
            Assert.Equal(pruned.Spec.Parameters, pruned.Parameters().Sum(p => (long)p.Tensor.Length));
            ModelFolder.Save(_folder, pruned, WeightType.F32);
            Same(pruned, ModelFolder.LoadTransformer(_folder), name);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_head_that_sees_the_whole_text_can_be_trained(string name)
    {
        Transformer model = FamilyCases.Load(name);
        using var tape = new Tape(records: true);
        Tensor hidden = model.Forward(tape, FamilyCases.Batch(FamilyCases.Sequences(name)), causal: false);
        model.Loss(tape, hidden, [.. Enumerable.Repeat(1, hidden.Rows)]);
        tape.Backward();
        Assert.All(model.Parameters(), p => Assert.DoesNotContain(p.Tensor.Gradient.ToArray(), g => !float.IsFinite(g)));
    }

    private static void Same(Transformer a, Transformer b, string name)
    {
        int[][] sequences = FamilyCases.Sequences(name);
        Assert.Equal(FamilyCases.Logits(a, sequences), FamilyCases.Logits(b, sequences));
        Assert.Equal(a.Spec.Layers, b.Spec.Layers);
        Assert.Equal(a.Spec.Parameters, b.Spec.Parameters);
    }
}
