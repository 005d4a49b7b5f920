using System.Text.Json;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Numerics.Ops;
using Cleave.Training.Adapters;

namespace Cleave.Tests.Training.Adapters;

/// <summary>Adapted layers against PyTorch and finite differences, on dense and on quantized bases.</summary>
public class AdaptedLinearTests
{
    private static readonly JsonElement Layers = LossGoldenTests.Expected.GetProperty("layers");

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("ia3")]
    [InlineData("ia3-inputs")]
    public void Results_and_gradients_are_PyTorchs(string kind)
    {
        Tensor weight = Get("weight", 5, 6), bias = Get("bias", 1, 5), x = Get("x", 4, 6);
        weight.Freeze();
        bias.Freeze();
        AdaptedLinear linear = Adapted(kind, new DenseLinear(weight, bias));
        JsonElement expected = Layers.GetProperty(kind);
        using var tape = new Tape(records: true);
        Tensor y = linear.Forward(tape, x);
        LossGoldenTests.AssertClose(expected.GetProperty("y"), y.Data, 1e-5);
        LossGoldenTests.Floats(Layers.GetProperty("seed")).CopyTo(y.Gradient);
        tape.Backward();
        LossGoldenTests.AssertClose(expected.GetProperty("x"), x.Gradient, 1e-5);
        foreach ((string name, Tensor tensor) in linear.Parameters)
        {
            string key = name switch { "lora_A.weight" => "a", "lora_B.weight" => "b", "ia3_l" => "factors", _ => "magnitude" };
            LossGoldenTests.AssertClose(expected.GetProperty(key), tensor.Gradient, 1e-5);
        }
        Assert.False(weight.HasGradient);
        Assert.False(bias.HasGradient);
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("ia3")]
    [InlineData("ia3-inputs")]
    public void Merged_it_computes_the_same(string kind)
    {
        AdaptedLinear linear = Adapted(kind, new DenseLinear(Get("weight", 5, 6), Get("bias", 1, 5)));
        Tensor x = Get("x", 4, 6);
        using var tape = new Tape(records: false);
        float[] adapted = linear.Forward(tape, x).Data.ToArray(), merged = linear.Merged().Forward(tape, x).Data.ToArray();
        for (int i = 0; i < adapted.Length; i++)
            Assert.Equal(adapted[i], merged[i], 1e-5f);
    }

    [Theory]
    [InlineData("lora", BlockFormat.Q8_0)]
    [InlineData("ia3", BlockFormat.Q8_0)]
    [InlineData("ia3-inputs", BlockFormat.Q4_0)]
    [InlineData("lora", null)]
    public void Gradients_pass_a_frozen_base_as_finite_differences_say(string kind, BlockFormat? format)
    {
        const int Inputs = 64, Outputs = 40;
        Tensor weight = GradientCheck.Random(Outputs, Inputs, 1), bias = GradientCheck.Random(1, Outputs, 2), x = GradientCheck.Random(3, Inputs, 3);
        bias.Freeze();
        Linear original = format is { } type ? new QuantizedLinear(QuantizedMatrix.Quantize(type, weight.Data, Outputs, Inputs), bias) : new HalfLinear(Half(weight), bias);
        AdaptedLinear linear = kind switch
        {
            "lora" => new LoraLinear(original, GradientCheck.Random(3, Inputs, 4), GradientCheck.Random(Outputs, 3, 5), 0.5),
            "ia3" => new Ia3Linear(original, GradientCheck.Random(1, Outputs, 6), ofInputs: false),
            _ => new Ia3Linear(original, GradientCheck.Random(1, Inputs, 7), ofInputs: true),
        };
        GradientCheck.Check([x, .. linear.Parameters.Select(p => p.Tensor)], tape => linear.Forward(tape, x));
        // The gradient of x is that of the widened matrix, to rounding.
        Tensor wide = Tensor.Parameter(Outputs, Inputs, requiresGradient: false);
        for (int r = 0; r < Outputs; r++)
            original.CopyRow(r, wide.Data.Slice(r * Inputs, Inputs));
        float[] first = GradientOfX(original, x), second = GradientOfX(new DenseLinear(wide, bias), x);
        for (int i = 0; i < first.Length; i++)
            Assert.Equal(second[i], first[i], 1e-4f);
    }

    [Fact]
    public void DoRA_on_a_quantized_base_begins_as_the_base_and_learns_with_its_norms_held()
    {
        const int Inputs = 32, Outputs = 8;
        var original = new QuantizedLinear(QuantizedMatrix.Quantize(BlockFormat.Q8_0, GradientCheck.Random(Outputs, Inputs, 1).Data, Outputs, Inputs));
        var dora = new LoraLinear(original, GradientCheck.Random(2, Inputs, 2), Tensor.Parameter(Outputs, 2), 1, LoraLinear.RowNorms(original));
        Tensor x = GradientCheck.Random(3, Inputs, 3);
        using var tape = new Tape(records: true);
        float[] adapted = dora.Forward(tape, x).Data.ToArray(), plain = original.Forward(tape, x).Data.ToArray();
        for (int i = 0; i < plain.Length; i++)
            Assert.Equal(plain[i], adapted[i], 1e-4f);
    }

    /// <summary>Pruned matrices have rows of zeros.</summary>
    [Theory]
    [InlineData(0f)]
    [InlineData(2f)]
    public void A_row_of_zeros_stays_one_under_DoRA_and_every_gradient_is_finite(float magnitude)
    {
        Tensor weight = Get("weight", 5, 6), bias = Get("bias", 1, 5), b = Get("b", 5, 2), m = Get("magnitude", 1, 5), x = Get("x", 4, 6);
        weight.Data.Slice(2 * 6, 6).Clear();
        b.Data.Slice(2 * 2, 2).Clear();
        m.Data[2] = magnitude;
        var dora = new LoraLinear(new DenseLinear(weight, bias), Get("a", 2, 6), b, 1.5, m);
        using var tape = new Tape(records: true);
        Tensor y = dora.Forward(tape, x);
        Assert.All(y.Data.ToArray(), value => Assert.True(float.IsFinite(value)));
        for (int row = 0; row < 4; row++)
            Assert.Equal(bias.Data[2], y.Data[row * 5 + 2]);
        LossGoldenTests.Floats(Layers.GetProperty("seed")).CopyTo(y.Gradient);
        tape.Backward();
        Assert.All(dora.Merged().Weight.Data.Slice(2 * 6, 6).ToArray(), value => Assert.Equal(0, value));
        foreach (Tensor tensor in new[] { x }.Concat(dora.Parameters.Select(p => p.Tensor)))
            Assert.All([.. tensor.Data, .. tensor.Gradient], value => Assert.True(float.IsFinite(value)));
        Assert.Equal(0, m.Gradient[2]);
        Assert.NotEqual(0, m.Gradient[1]);
    }

    private static float[] GradientOfX(Linear linear, Tensor x)
    {
        using var tape = new Tape(records: true);
        Tensor y = linear.Forward(tape, x);
        for (int i = 0; i < y.Length; i++)
            y.Gradient[i] = MathF.Sin(i);
        tape.Backward();
        float[] gradient = x.Gradient.ToArray();
        x.ClearGradient();
        return gradient;
    }

    private static HalfMatrix Half(Tensor weight) => HalfMatrix.Load(HalfFormat.BFloat16, weight.Rows, weight.Columns, (row, count, bytes) =>
        Conversion.FloatToBFloat16(weight.Data.Slice(row * weight.Columns, count * weight.Columns), System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(bytes)));

    private static AdaptedLinear Adapted(string kind, DenseLinear original) => kind switch
    {
        "lora" => new LoraLinear(original, Get("a", 2, 6), Get("b", 5, 2), 1.5),
        "dora" => new LoraLinear(original, Get("a", 2, 6), Get("b", 5, 2), 1.5, Get("magnitude", 1, 5)),
        "ia3" => new Ia3Linear(original, Get("factors", 1, 5), ofInputs: false),
        _ => new Ia3Linear(original, Get("input_factors", 1, 6), ofInputs: true),
    };

    private static Tensor Get(string name, int rows, int columns) => Tensor.From(LossGoldenTests.Floats(Layers.GetProperty(name)), rows, columns);
}
