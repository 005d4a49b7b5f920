using System.Text.Json;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Training;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Tests.Models;

/// <summary>The decoder against PyTorch: logits, every gradient, ten losses. Made by Golden/llama/make.py.</summary>
public class LlamaGoldenTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Golden", "llama");
    private static readonly JsonElement Expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "expected.json"))).RootElement;
    private static readonly int[][] Sequences = [.. Expected.GetProperty("sequences").EnumerateArray().Select(s => s.EnumerateArray().Select(i => i.GetInt32()).ToArray())];

    [Fact]
    public void Logits_of_a_ragged_batch_are_PyTorchs()
    {
        Transformer model = Load();
        using var tape = new Tape(records: false);
        var batch = new TokenBatch();
        foreach (int[] s in Sequences)
            batch.Add(s);
        Tensor logits = model.Output.Forward(tape, model.Forward(tape, batch));
        double[] expected = [.. Expected.GetProperty("logits").EnumerateArray().SelectMany(s => s.EnumerateArray()).SelectMany(r => r.EnumerateArray()).Select(x => x.GetDouble())];
        Assert.Equal(expected.Length, logits.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - logits.Data[i]) < 1e-4, $"logit {i}: {logits.Data[i]}, PyTorch {expected[i]}");
    }

    [Fact]
    public void Logits_with_a_cache_in_float16_are_those_without()
    {
        Transformer model = Load();
        using var tape = new Tape(records: false);
        using var cache = model.NewCache();
        int[] sequence = Sequences[0];
        Tensor whole = model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add(sequence)));
        float[] expected = whole.Data.ToArray();
        tape.Reset();
        int done = 0;
        foreach (int count in (int[])[5, 1, 1, 10, 7])
        {
            Tensor part = model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add(sequence.AsSpan(done, count), done), caches: [cache]));
            for (int i = 0; i < part.Length; i++)
                Assert.Equal(expected[done * model.Spec.VocabularySize + i], part.Data[i], 1e-2f);
            tape.Reset();
            done += count;
        }
        Assert.Equal(sequence.Length, cache.Length);
    }

    [Fact]
    public void Gradients_of_a_step_are_PyTorchs()
    {
        Transformer model = Load();
        using var tape = new Tape(records: true);
        Loss(model, tape);
        tape.Backward();
        foreach ((string name, Tensor tensor) in model.Parameters())
        {
            float[] gradient = tensor.Gradient.ToArray();
            double[] sums = [.. Expected.GetProperty("gradient_sums").GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];
            double norm = Math.Sqrt(sums[1]);
            Assert.True(Math.Abs(gradient.Sum(g => (double)g) - sums[0]) < 1e-4 * Math.Max(1, norm), $"{name}: sum");
            Assert.True(Math.Abs(Math.Sqrt(gradient.Sum(g => (double)g * g)) - norm) < 1e-4 * Math.Max(1, norm), $"{name}: norm");
            double[] first = [.. Expected.GetProperty("gradient_first").GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];
            for (int i = 0; i < first.Length; i++)
                Assert.True(Math.Abs(first[i] - gradient[i]) < 1e-4, $"{name}[{i}]: {gradient[i]}, PyTorch {first[i]}");
        }
    }

    [Fact]
    public void The_first_ten_losses_are_PyTorchs()
    {
        Transformer model = Load();
        double[] expected = [.. Expected.GetProperty("losses").EnumerateArray().Select(x => x.GetDouble())];
        var losses = new List<double>();
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Parameters()], new Adam()) { WeightDecay = 0.1f });
        new Trainer(optimizer, new CosineSchedule(1e-2, 0, 10, 1)).Run((tape, _, _) => Loss(model, tape), step =>
        {
            losses.Add(step.Loss);
            return true;
        });
        Assert.Equal(10, losses.Count);
        for (int i = 0; i < 10; i++)
            Assert.True(Math.Abs(expected[i] - losses[i]) < 1e-4, $"loss {i}: {losses[i]}, PyTorch {expected[i]}");
    }

    private static double Loss(Transformer model, Tape tape)
    {
        var batch = new TokenBatch();
        var targets = new List<int>();
        foreach (int[] s in Sequences)
        {
            batch.Add(s);
            targets.AddRange(s[1..]);
            targets.Add(-1);
        }
        return Op.LinearCrossEntropy(tape, model.Forward(tape, batch), ((DenseLinear)model.Output).Weight, [.. targets]);
    }

    private static Transformer Load()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Folder, "model.safetensors"));
        return Transformer.Build(Llama.Read(JsonFile.Load(Path.Combine(Folder, "config.json"))), (name, rows, columns) =>
        {
            Tensor tensor = Tensor.Parameter(rows, columns);
            file.ReadSingle(name, tensor.Data);
            return tensor;
        });
    }
}
