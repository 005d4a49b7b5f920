using System.Text.Json;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Models;

/// <summary>Encoder–decoders against PyTorch: states, logits, loss, and all gradients of one step, those of the biases of positions whole.</summary>
public sealed class T5GoldenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-t5").FullName;

    public static TheoryData<string> Names => T5Cases.Names;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void States_and_logits_of_a_ragged_batch_are_PyTorchs(string name)
    {
        Transformer model = T5Cases.Load(name);
        int[][] sources = T5Cases.Sources(name), answers = T5Cases.Answers(name);
        using var tape = new Tape(records: false);
        EncodedSource source = model.Encode(tape, FamilyCases.Batch(sources));
        Tensor logits = model.Logits(tape, model.Forward(tape, FamilyCases.Batch([.. answers.Select(a => T5Cases.Read(model, a))]), source: source));
        JsonElement expected = T5Cases.Expected(name);
        int row = 0, made = 0;
        for (int s = 0; s < sources.Length; s++)
        {
            double[] states = Rows(expected.GetProperty("states")[s]), scores = Rows(expected.GetProperty("logits")[s]);
            FamilyCases.Close(states, source.States.Data.Slice(row * 32, states.Length), 1e-4, $"states of {s}"); // the first rows
            row += sources[s].Length;
            made += answers[s].Length;
            FamilyCases.Close(scores, logits.Data.Slice(made * 40 - scores.Length, scores.Length), 1e-4, $"logits of {s}"); // the last rows
        }
        Assert.Equal((source.States.Rows, logits.Rows), (row, made));
    }

    [Theory]
    [InlineData("v1.0", false, false)]
    [InlineData("v1.1", false, false)]
    [InlineData("mt5", false, false)]
    [InlineData("v1.0", true, false)]
    [InlineData("v1.1", true, true)]
    public void Loss_and_gradients_of_a_step_are_PyTorchs(string name, bool recompute, bool half)
    {
        Transformer model = T5Cases.Load(name);
        model.TrainingMemory = new TrainingMemory(recompute, half);
        int[][] sources = T5Cases.Sources(name), answers = T5Cases.Answers(name);
        using var tape = new Tape(records: true);
        Tensor states = T5Cases.States(tape, model, sources, [.. answers.Select(a => T5Cases.Read(model, a))]);
        Assert.Equal(T5Cases.Expected(name).GetProperty("loss").GetDouble(), model.Loss(tape, states, [.. answers.SelectMany(a => a)]), 1e-4);
        tape.Backward();
        ModelChecks.Gradients(T5Cases.Expected(name), model.Parameters().Select(p => p.Tensor), _folder, () => ModelFolder.Save(_folder, model, WeightType.F32), rounded: half);
    }

    private static double[] Rows(JsonElement rows) => [.. rows.EnumerateArray().SelectMany(FamilyCases.Numbers)];
}
