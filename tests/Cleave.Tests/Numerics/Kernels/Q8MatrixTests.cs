using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;

namespace Cleave.Tests.Numerics.Kernels;

public class Q8MatrixTests
{
    [Fact]
    public void Values_and_scales_follow_the_block_rule_and_come_back()
    {
        const int Rows = 13, Columns = 96;
        float[] w = Reference.Random(Rows * Columns, 1);
        w.AsSpan(32, 32).Clear(); // a block of zeros has scale 0
        Q8Matrix matrix = Q8Matrix.Quantize(w, Rows, Columns);
        var values = new sbyte[w.Length];
        var scales = new Half[w.Length / 32];
        matrix.CopyValues(values);
        matrix.CopyScales(scales);
        for (int b = 0; b < scales.Length; b++)
        {
            float max = w[(b * 32)..(b * 32 + 32)].Max(MathF.Abs);
            Assert.Equal((Half)(max / 127), scales[b]);
            for (int i = b * 32; i < b * 32 + 32; i++)
                Assert.InRange(values[i] - (max == 0 ? 0 : w[i] * 127 / max), -0.5001, 0.5001);
        }
        var again = new Q8Matrix(values, scales, Rows, Columns);
        float[] first = new float[w.Length], second = new float[w.Length], row = new float[Columns];
        matrix.Dequantize(first);
        again.Dequantize(second);
        Assert.Equal(first, second);
        Assert.Equal([.. values.Select((q, i) => q * (float)scales[i / 32])], first);
        again.DequantizeRow(9, row);
        Assert.Equal(first[(9 * Columns)..(10 * Columns)], row);
        Assert.Equal(Rows * Columns + Rows * Columns / 32 * 2, matrix.Bytes);
    }

    [Fact]
    public void Products_match_the_quantized_arithmetic_exactly_but_for_float_sums() => Variants.Each(where =>
    {
        foreach (int columns in new[] { 32, 64, 320 })
        {
            foreach (int rows in new[] { 0, 1, 7, 8, 9, 20, 130 })
            {
                foreach (int m in new[] { 0, 1, 2, 3, 4, 5, 8, 70 })
                    Check(rows, columns, m, where);
            }
        }
    });

    [Fact]
    public void Every_finite_scale_counts_as_it_stands() => Variants.EachSet(where =>
    {
        float[] x = new float[32];
        x[5] = 127;
        var values = new sbyte[8 * 32];
        for (int r = 0; r < 8; r++)
            values[r * 32 + 5] = 1;
        for (int bits = 0; bits < 65536; bits += 8)
        {
            Half[] scales = [.. Enumerable.Range(bits, 8).Select(b => BitConverter.UInt16BitsToHalf((ushort)b))];
            if (!scales.All(Half.IsFinite))
                continue;
            float[] y = new float[8];
            new Q8Matrix(values, scales, 8, 32).MultiplyTransposed(x, 1, y);
            Assert.Equal([.. scales.Select(s => 127 * (float)s)], y);
        }
    });

    [Fact]
    public void Extreme_bytes_do_not_saturate() => Variants.EachSet(where =>
    {
        // −128 is not written by quantizers, but a file may hold it.
        foreach (sbyte w in new sbyte[] { 127, -127, -128 })
        {
            foreach (float x in new[] { 1, -1 })
            {
                var values = new sbyte[32];
                Array.Fill(values, w);
                float[] ones = new float[64], y = new float[2];
                Array.Fill(ones, x);
                new Q8Matrix(values, [(Half)1], 1, 32).MultiplyTransposed(ones, 2, y);
                Assert.Equal(32f * w * x, y[0], 1e-2f);
                Assert.Equal(y[0], y[1]);
            }
        }
    });

    [Fact]
    public void The_error_beside_the_float_product_is_as_documented()
    {
        const int Rows = 256, Columns = 512, M = 8;
        float[] w = Reference.Random(Rows * Columns, 1), x = Reference.Random(M * Columns, 2), y = new float[M * Rows], exact = new float[y.Length];
        Q8Matrix.Quantize(w, Rows, Columns).MultiplyTransposed(x, M, y);
        MatMul.Multiply(x, Columns, false, w, Columns, true, exact, Rows, M, Rows, Columns);
        double error = Math.Sqrt(y.Zip(exact, (a, b) => Math.Pow(a - b, 2)).Average());
        double size = Math.Sqrt(exact.Average(v => (double)v * v));
        Assert.InRange(error / size, 0.004, 0.012);
    }

    [Fact]
    public void NaN_and_infinity_are_not_lost() => Variants.EachSet(where =>
    {
        Q8Matrix matrix = Q8Matrix.Quantize(Reference.Random(10 * 64, 1), 10, 64);
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            float[] x = Reference.Random(2 * 64, 2), y = new float[20];
            x[40] = bad;
            matrix.MultiplyTransposed(x, 2, y);
            Assert.All(y[..10], v => Assert.False(float.IsFinite(v), where));
            Assert.All(y[10..], v => Assert.True(float.IsFinite(v), where));
        }
    });

    [Fact]
    public void Threads_do_not_change_a_bit() => Variants.SameOnAnyThreads(() =>
    {
        var y = new float[6 * 500];
        Q8Matrix.Quantize(Reference.Random(500 * 128, 1), 500, 128).MultiplyTransposed(Reference.Random(6 * 128, 2), 6, y);
        return y;
    });

    [Fact]
    public void A_call_allocates_nothing()
    {
        Q8Matrix matrix = Q8Matrix.Quantize(Reference.Random(600 * 256, 1), 600, 256);
        float[] x = new float[256], y = new float[600];
        matrix.MultiplyTransposed(x, 1, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        matrix.MultiplyTransposed(x, 1, y);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Q8Matrix.Quantize(new float[40], 1, 40));
        Assert.Throws<ArgumentException>(() => Q8Matrix.Quantize(new float[32], 2, 32));
        Assert.Throws<ArgumentException>(() => Q8Matrix.Quantize([.. new float[31], float.NaN], 1, 32));
        Assert.Throws<ArgumentException>(() => Q8Matrix.Quantize([.. new float[31], 1e7f], 1, 32));
        Assert.Throws<ArgumentException>(() => new Q8Matrix(new sbyte[32], [Half.PositiveInfinity], 1, 32));
        Assert.Throws<ArgumentException>(() => new Q8Matrix(new sbyte[32], new Half[2], 1, 32));
        Assert.Throws<ArgumentException>(() => Q8Matrix.Quantize(new float[32], 1, 32).MultiplyTransposed(new float[32], 1, new float[2]));
    }

    private static void Check(int rows, int columns, int m, string where)
    {
        float[] w = Reference.Random(rows * columns, 1), x = Reference.Random(m * columns, 2), y = new float[m * rows];
        Q8Matrix matrix = Q8Matrix.Quantize(w, rows, columns);
        float[] weights = new float[w.Length];
        matrix.Dequantize(weights);
        double[] activations = new double[x.Length], expected = new double[y.Length];
        for (int b = 0; b < x.Length / 32; b++)
        {
            float max = x[(b * 32)..(b * 32 + 32)].Max(MathF.Abs);
            for (int i = b * 32; i < b * 32 + 32; i++)
                activations[i] = MathF.Round(x[i] * (127 / max)) * (double)(max / 127);
        }
        for (int i = 0; i < m; i++)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int c = 0; c < columns; c++)
                    expected[i * rows + r] += activations[i * columns + c] * weights[r * columns + c];
            }
        }
        matrix.MultiplyTransposed(x, m, y);
        Reference.Close(expected, y, 2e-6, $"{where}({rows},{columns}) m {m} ");
    }
}
