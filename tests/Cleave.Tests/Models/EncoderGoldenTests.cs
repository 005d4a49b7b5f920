using System.Text.Json;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Heads;
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
        // Saved as if they were the weights, the gradients come out in the names and shapes of the files.
        Tensor[] all = [.. model.Transformer.Parameters().Select(p => p.Tensor), .. model.Heads.SelectMany(h => (Tensor[])[h.Projection.Weight, h.Projection.Bias!])];
        foreach (Tensor tensor in all)
            tensor.Gradient.ToArray().CopyTo(tensor.Data);
        ModelFolder.Save(folder.Folder, model, WeightType.F32);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder.Folder, ModelFolder.Weights));
        JsonElement sums = folder.Expected.GetProperty("gradients"), firsts = folder.Expected.GetProperty("first");
        Assert.Equal(sums.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal), file.Names.Order(StringComparer.Ordinal));
        foreach (JsonProperty each in sums.EnumerateObject())
        {
            var gradient = new float[file.Entry(each.Name).Elements];
            file.ReadSingle(each.Name, gradient);
            double[] expected = FamilyCases.Numbers(each.Value);
            double tolerance = 1e-4 * Math.Max(1, expected[1]);
            Assert.Equal(expected[0], gradient.Sum(g => (double)g), tolerance);
            Assert.Equal(expected[1], Math.Sqrt(gradient.Sum(g => (double)g * g)), tolerance);
            Assert.Equal(expected[2], gradient.Select((g, i) => (double)g * (i % 7)).Sum(), 7 * tolerance);
            FamilyCases.Close(FamilyCases.Numbers(firsts.GetProperty(each.Name)), gradient.AsSpan(0, Math.Min(6, gradient.Length)), 1e-4, each.Name);
        }
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
        if (recompute) // of so few numbers, sixteen bits save less than the pool's pieces lose
            Assert.True(fewer < bytes, $"{fewer} bytes instead of {bytes}");
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
}
