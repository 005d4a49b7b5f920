using System.Text.Json;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Training;

/// <summary>Losses and their gradients against PyTorch. Made by Golden/training/make_losses.py.</summary>
public class LossGoldenTests
{
    internal static readonly JsonElement Expected =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "training", "losses.json"))).RootElement;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Weighted_and_focal_losses_are_PyTorchs(int index)
    {
        JsonElement classes = Expected.GetProperty("classes"), x = classes.GetProperty("cases")[index];
        Tensor logits = Tensor.From(Floats(classes.GetProperty("logits")), 6, 5);
        float[] weights = x.GetProperty("weighted").GetBoolean() ? Floats(classes.GetProperty("weights")) : [];
        using var tape = new Tape(records: true);
        double loss = Op.ClassCrossEntropy(tape, logits, Ints(classes.GetProperty("targets")), weights, (float)x.GetProperty("focus").GetDouble(), (float)x.GetProperty("smoothing").GetDouble());
        tape.Backward();
        Assert.Equal(x.GetProperty("loss").GetDouble(), loss, 1e-6);
        AssertClose(x.GetProperty("gradient"), logits.Gradient);
    }

    [Fact]
    public void Rows_without_a_target_and_the_weight_of_the_loss_are_honoured()
    {
        Tensor all = Tensor.From([1, 2, 3, 0, -1, 1], 2, 3), one = Tensor.From([1, 2, 3], 1, 3);
        using Tape first = new(records: true), second = new(records: true);
        double a = Op.ClassCrossEntropy(first, all, [2, -1], [1, 2, 3], 1, 0, 0.5f), b = Op.ClassCrossEntropy(second, one, [2], [1, 2, 3], 1);
        first.Backward();
        second.Backward();
        Assert.Equal(b, a, 1e-12);
        for (int c = 0; c < 3; c++)
        {
            Assert.Equal(0.5f * one.Gradient[c], all.Gradient[c], 1e-7f);
            Assert.Equal(0, all.Gradient[3 + c]);
        }
    }

    [Fact]
    public void Direct_preference_optimization_is_PyTorchs()
    {
        JsonElement x = Expected.GetProperty("preference");
        Tensor logits = Tensor.From(Floats(x.GetProperty("logits")), 10, 7);
        int[] targets = Ints(x.GetProperty("targets")), rows = Ints(x.GetProperty("rows"));
        var likelihoods = new double[4];
        Op.LogLikelihoods(logits, targets, rows, likelihoods);
        for (int i = 0; i < 4; i++)
            Assert.Equal(x.GetProperty("likelihoods")[i].GetDouble(), likelihoods[i], 1e-5);
        using var tape = new Tape(records: true);
        double[] reference = [.. x.GetProperty("reference").EnumerateArray().Select(r => r.GetDouble())];
        (double loss, double accuracy) = Op.PreferenceLoss(tape, logits, targets, rows, reference, (float)x.GetProperty("beta").GetDouble());
        tape.Backward();
        Assert.Equal(x.GetProperty("loss").GetDouble(), loss, 1e-6);
        Assert.Equal(x.GetProperty("accuracy").GetDouble(), accuracy);
        AssertClose(x.GetProperty("gradient"), logits.Gradient);
    }

    internal static void AssertClose(JsonElement expected, ReadOnlySpan<float> actual, double tolerance = 2e-6)
    {
        float[] values = Floats(expected);
        Assert.Equal(values.Length, actual.Length);
        for (int i = 0; i < values.Length; i++)
            Assert.True(Math.Abs(values[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(values[i])), $"[{i}]: {actual[i]}, PyTorch {values[i]}");
    }

    internal static float[] Floats(JsonElement list) => [.. list.EnumerateArray().Select(v => (float)v.GetDouble())];

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt32())];
}
