using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;

namespace Cleave.Tests.Numerics.Kernels;

/// <summary>Every kernel by its name: each instruction set against the scalar reference, and against itself.</summary>
public class InstructionSetAgreementTests
{
    private static readonly Dictionary<string, (double Bound, Func<float[]> Compute)> Kernels = new()
    {
        ["matmul, packed"] = (Bounds.MatMul, () => Product(75, 93, 301, false)),
        ["matmul, few rows"] = (Bounds.MatMul, () => Product(13, 93, 301, true)),
        ["matmul, dot products"] = (Bounds.MatMul, () => Product(3, 93, 301, true)),
        ["matmul, combined rows"] = (Bounds.MatMul, () => Product(3, 93, 301, false)),
        ["Q8_0"] = (Bounds.Quantized, () => Quantized(BlockFormat.Q8_0)),
        ["Q4_0"] = (Bounds.Quantized, () => Quantized(BlockFormat.Q4_0)),
        ["attention"] = (Bounds.Attention, () => Attended(backward: false)),
        ["attention, gradients"] = (Bounds.Attention, () => Attended(backward: true)),
        ["attention, decoding"] = (Bounds.Attention, Decoded),
        ["norm"] = (Bounds.RowWise, Normed),
        ["activation"] = (Bounds.RowWise, () => To(777, y => SwiGlu.Forward(Reference.Random(777, 1, 3), Reference.Random(777, 2), y))),
        ["exp"] = (Bounds.RowWise, () => To(777, y => VectorMath.Exp(Reference.Random(777, 1), y))),
        ["softmax"] = (Bounds.RowWise, () => In(Reference.Random(7 * 111, 1, 5), y => Softmax.Rows(y, 7, 111))),
        ["cross entropy"] = (Bounds.LossGradient, () => In(Reference.Random(111, 1, 3), y => CrossEntropy.ForwardBackward(y, 5, 0.1f, 1))),
        ["rotation"] = (Bounds.RowWise, () => In(Reference.Random(3 * 2 * 22, 1), y => Rotary.Apply(y, [0, 5, 99], 2, 22, new RotaryTable(22, 10000, 100), false))),
        ["optimizer"] = (Bounds.RowWise, Optimized),
        ["to float16 and back"] = (Bounds.Conversion, ThroughHalf),
        ["to bfloat16 and back"] = (Bounds.Conversion, ThroughBFloat16),
    };

    public static TheoryData<string> Names => [.. Kernels.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_set_agrees_with_the_scalar_reference_within_its_bound_and_repeats_itself(string kernel)
    {
        (double bound, Func<float[]> compute) = Kernels[kernel];
        double[]? expected = null;
        Variants.Each(where =>
        {
            float[] actual = compute();
            Assert.Contains(actual, v => v != 0);
            expected ??= [.. actual.Select(v => (double)v)]; // the first of the variants is the reference
            Reference.Close(expected, actual, bound, $"{where}{kernel} ");
            Assert.Equal(actual.Select(BitConverter.SingleToUInt32Bits), compute().Select(BitConverter.SingleToUInt32Bits));
        });
    }

    private static float[] Product(int m, int n, int k, bool transposeB) => To(m * n, c =>
        MatMul.Multiply(Reference.Random(m * k, 1), k, false, Reference.Random(k * n, 2), transposeB ? k : n, transposeB, c, n, m, n, k));

    private static float[] Quantized(BlockFormat format) => To(5 * 43, y =>
    {
        using QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, Reference.Random(43 * 96, 1), 43, 96);
        matrix.MultiplyTransposed(Reference.Random(5 * 96, 2), 5, y);
    });

    private static float[] Attended(bool backward)
    {
        const int Heads = 4, KvHeads = 2, Size = 20, Rows = 60;
        int[] offsets = [0, 37, 60];
        float[] q = Reference.Random(Rows * Heads * Size, 1), k = Reference.Random(Rows * KvHeads * Size, 2), v = Reference.Random(k.Length, 3);
        float[] y = new float[q.Length], logSumExp = new float[Rows * Heads], dq = new float[q.Length], dk = new float[k.Length], dv = new float[k.Length];
        Attention.Forward(q, k, v, offsets, Heads, KvHeads, Size, true, y, logSumExp);
        if (!backward)
            return [.. y, .. logSumExp];
        Attention.Backward(Reference.Random(q.Length, 4), q, k, v, y, logSumExp, offsets, Heads, KvHeads, Size, true, dq, dk, dv);
        return [.. dq, .. dk, .. dv];
    }

    private static float[] Decoded() => To(6 * 24, y =>
    {
        using var pages = new KeyValuePages([2], 24);
        pages.Append(0, Reference.Random(300 * 48, 1), Reference.Random(300 * 48, 2));
        pages.Advance(299);
        Attention.Decode(Reference.Random(6 * 24, 3), [pages], 0, 6, y);
    });

    private static float[] Normed()
    {
        float[] x = Reference.Random(5 * 83, 1), w = Reference.Random(83, 2), y = new float[x.Length], inverse = new float[5];
        RmsNorm.Forward(x, w, 1e-5f, y, inverse, 5, 83);
        return y;
    }

    private static float[] Optimized() => In(Reference.Random(333, 1), p =>
    {
        float[] m = new float[p.Length], v = new float[p.Length];
        for (int step = 1; step <= 3; step++)
            AdamW.Update(p, Reference.Random(p.Length, (ulong)step + 5), m, v, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, step, 0.5f);
    });

    private static float[] ThroughHalf() => To(999, y =>
    {
        var halves = new Half[y.Length];
        Conversion.FloatToHalf(Reference.Random(y.Length, 1), halves);
        Conversion.HalfToFloat(halves, y);
    });

    private static float[] ThroughBFloat16() => To(999, y =>
    {
        var halves = new ushort[y.Length];
        Conversion.FloatToBFloat16(Reference.Random(y.Length, 1), halves);
        Conversion.BFloat16ToFloat(halves, y);
    });

    private static float[] To(int length, Action<float[]> compute) => In(new float[length], compute);

    private static float[] In(float[] values, Action<float[]> compute)
    {
        compute(values);
        return values;
    }
}
