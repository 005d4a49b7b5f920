using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
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
        using KeyValuePages cache = model.NewCache();
        ModelChecks.CacheChangesNothing(model, expected, sequence, cache, 3, 1, 1, 6, 1, 1, 1, 1, 5);
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
        bool aboveOne = model.Spec.Family.StartsWith("gemma", StringComparison.Ordinal); // w − 1 is stored, and 1 + w rounds
        ModelChecks.SameTensors(FamilyCases.Folder(name), _folder, aboveOne ? 1.2e-7 : 0);
        ModelChecks.SameConfig(FamilyCases.Folder(name), _folder, "architectures", "model_type");
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
        Assert.InRange(ModelChecks.Error(exact, FamilyCases.Logits(model, sequences)), 1e-5, 0.1);
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

    private static void Same(Transformer a, Transformer b, string name) => ModelChecks.Same(a, b, model => FamilyCases.Logits(model, FamilyCases.Sequences(name)));
}
