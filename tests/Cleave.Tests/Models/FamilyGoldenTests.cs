using System.Text.Json;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

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
        // Saved as if they were the weights, the gradients come out in the names and shapes of the files.
        foreach ((_, Tensor tensor) in model.Parameters())
            tensor.Gradient.ToArray().CopyTo(tensor.Data);
        ModelFolder.Save(_folder, model, WeightType.F32);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(_folder, ModelFolder.Weights));
        JsonElement sums = FamilyCases.Expected(name).GetProperty("gradients"), firsts = FamilyCases.Expected(name).GetProperty("first");
        Assert.Equal(sums.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal), file.Names.Order(StringComparer.Ordinal));
        foreach (JsonProperty each in sums.EnumerateObject())
        {
            var gradient = new float[file.Entry(each.Name).Elements];
            file.ReadSingle(each.Name, gradient);
            if (model.Spec.Family.StartsWith("gemma", StringComparison.Ordinal) && each.Name.EndsWith("norm.weight", StringComparison.Ordinal))
                gradient = Array.ConvertAll(gradient, g => g + 1); // stored as w − 1
            double[] expected = FamilyCases.Numbers(each.Value);
            double tolerance = 1e-4 * Math.Max(1, expected[1]);
            Assert.Equal(expected[0], gradient.Sum(g => (double)g), tolerance);
            Assert.Equal(expected[1], Math.Sqrt(gradient.Sum(g => (double)g * g)), tolerance);
            Assert.Equal(expected[2], gradient.Select((g, i) => (double)g * (i % 7)).Sum(), 7 * tolerance);
            FamilyCases.Close(FamilyCases.Numbers(firsts.GetProperty(each.Name)), gradient.AsSpan(0, Math.Min(6, gradient.Length)), 1e-4, each.Name);
        }
    }
}
