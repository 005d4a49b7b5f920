using Cleave.Models;
using Cleave.Numerics.Autograd;

namespace Cleave.Tests.Models;

/// <summary>Every family of decoders against PyTorch: logits, and all gradients of one step in the form of the family's files.</summary>
public sealed class FamilyGoldenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-family").FullName;

    public static TheoryData<string> Names => FamilyCases.Decoders;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void Logits_of_a_ragged_batch_are_PyTorchs(string name)
    {
        double[] expected = [.. FamilyCases.Expected(name).GetProperty("logits").EnumerateArray().SelectMany(s => s.EnumerateArray()).SelectMany(r => FamilyCases.Numbers(r))];
        FamilyCases.Close(expected, FamilyCases.Logits(FamilyCases.Load(name), FamilyCases.Sequences(name)), 1e-4, "logit");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_of_a_step_are_PyTorchs(string name)
    {
        Transformer model = FamilyCases.Load(name);
        int[][] sequences = FamilyCases.Sequences(name);
        using var tape = new Tape(records: true);
        model.Loss(tape, model.Forward(tape, FamilyCases.Batch(sequences)), [.. sequences.SelectMany(s => s[1..].Append(-1))]);
        tape.Backward();
        bool aboveOne = model.Spec.Family.StartsWith("gemma", StringComparison.Ordinal); // stored as w − 1
        ModelChecks.Gradients(FamilyCases.Expected(name), model.Parameters().Select(p => p.Tensor), _folder, () => ModelFolder.Save(_folder, model, WeightType.F32),
            stored: (tensor, g) => aboveOne && tensor.EndsWith("norm.weight", StringComparison.Ordinal) ? g + 1 : g);
    }
}
