using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Models;

/// <summary>Every family of encoders with every head against PyTorch: hidden states, logits, and all gradients of one step.</summary>
public sealed class EncoderGoldenTests
{
    public static TheoryData<string> Names => FamilyCases.Encoders;

    [Theory]
    [MemberData(nameof(Names))]
    public void Hidden_states_and_logits_of_a_ragged_batch_are_PyTorchs(string name)
    {
        using var folder = new EncoderFolder(name);
        LanguageModel model = folder.Load();
        using var tape = new Tape(records: false);
        FamilyCases.Close(folder.Rows("hidden"), model.Transformer.Forward(tape, folder.Batch(0, 1, 2)).Data, 1e-4, "hidden");
        float[] together = folder.Outputs(model, 0, 1, 2);
        FamilyCases.Close(folder.Rows("logits"), together, 1e-4, "logit");
        float[] alone = [.. Enumerable.Range(0, 3).SelectMany(s => folder.Outputs(model, s))];
        FamilyCases.Close(together.Select(x => (double)x), alone, 1e-5, "logit of a sequence alone");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_of_a_step_are_PyTorchs(string name)
    {
        using var folder = new EncoderFolder(name);
        LanguageModel model = folder.Load();
        using var tape = new Tape(records: true);
        TokenBatch batch = folder.Batch(0, 1, 2);
        double loss = model.Heads.Count > 0
            ? Op.CrossEntropy(tape, EncoderFolder.Outputs(model, tape, batch), folder.Targets)
            : model.Transformer.Loss(tape, model.Transformer.Forward(tape, batch), folder.Targets);
        Assert.Equal(folder.Expected.GetProperty("loss").GetDouble(), loss, 1e-5);
        tape.Backward();
        ModelChecks.Gradients(folder.Expected, [.. model.Transformer.Parameters().Select(p => p.Tensor), .. model.Heads.SelectMany(h => (Tensor[])[h.Projection.Weight, h.Projection.Bias!])],
            folder.Folder, () => ModelFolder.Save(folder.Folder, model, WeightType.F32));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void Memory_saved_in_training_leaves_the_loss_and_barely_changes_gradients(bool recompute, bool half)
    {
        using var folder = new EncoderFolder("bert");
        (double loss, float[][] gradients, long bytes) = Step(folder, default);
        (double again, float[][] others, long fewer) = Step(folder, new TrainingMemory(recompute, half));
        Assert.Equal(loss, again);
        if (recompute) // sixteen bits for two layers, beside one of floats at work, save nothing
            Assert.True(fewer < bytes, $"{fewer} bytes instead of {bytes}");
        long deep = Held(folder, default), deepFewer = Held(folder, new TrainingMemory(recompute, half));
        Assert.True(deepFewer < 0.75 * deep, $"{deepFewer} bytes instead of {deep} of eight layers");
        // All together: the keys' biases change no attention, so their gradients are nothing but rounding.
        double norm = Math.Sqrt(gradients.Sum(t => t.Sum(g => (double)g * g)));
        double difference = Math.Sqrt(gradients.Zip(others, (a, b) => a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum()).Sum());
        Assert.True(half ? difference > 0 && difference < 0.03 * norm : difference == 0, $"{difference} of {norm}");
    }

    private static (double Loss, float[][] Gradients, long Bytes) Step(EncoderFolder folder, TrainingMemory memory)
    {
        Transformer model = folder.Load().Transformer;
        model.TrainingMemory = memory;
        using var tape = new Tape(records: true);
        Tensor hidden = model.Forward(tape, folder.Batch(0, 1, 2));
        long bytes = tape.HeldBytes;
        double loss = model.Loss(tape, hidden, folder.Targets);
        tape.Backward();
        return (loss, [.. model.Parameters().Select(p => p.Tensor.Gradient.ToArray())], bytes);
    }

    /// <summary>What a forward pass of an encoder of eight such layers holds for the backward pass, of enough texts that the pool's pieces do not matter.</summary>
    private static long Held(EncoderFolder folder, TrainingMemory memory)
    {
        TransformerSpec spec = folder.Load().Transformer.Spec;
        Transformer model = Transformer.Create(spec with { Layers = [.. Enumerable.Repeat(spec.Layers[0], 8)] }, new Rng(1));
        model.TrainingMemory = memory;
        using var tape = new Tape(records: true);
        model.Forward(tape, folder.Batch([.. Enumerable.Range(0, 24).Select(i => i % 3)]));
        return tape.HeldBytes;
    }
}
