using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Simd;

namespace Cleave.Tests.Numerics.Kernels;

public class QuantizedMatrixTests
{
    /// <summary>The ways to pack and multiply that this machine executes, the portable one first.</summary>
    private static readonly Q8Kernel[] Kernels =
    [
        Q8Kernel.WideningDot,
        .. InstructionSets.IsAvailable(InstructionSet.Avx2) ? [Q8Kernel.Wide, Q8Kernel.EmulatedDot] : Array.Empty<Q8Kernel>(),
        .. AvxVnni.IsSupported ? [Q8Kernel.Dot] : Array.Empty<Q8Kernel>(),
        .. Dp.IsSupported ? [Q8Kernel.ArmDot] : Array.Empty<Q8Kernel>(),
    ];

    [Theory]
    [InlineData(BlockFormat.Q8_0)]
    [InlineData(BlockFormat.Q4_0)]
    public void Blocks_come_back_as_they_went_in_and_say_the_weights(BlockFormat format)
    {
        const int Rows = 13, Columns = 96;
        float[] w = Reference.Random(Rows * Columns, 1);
        w.AsSpan(32, 32).Clear(); // a block of zeros has scale 0
        QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, w, Rows, Columns);
        byte[] file = QuantizedChecks.Blocks(matrix);
        float[] weights = new float[w.Length], row = new float[Columns];
        matrix.Dequantize(weights);
        int size = file.Length / (w.Length / 32);
        for (int b = 0; b < w.Length / 32; b++)
        {
            float scale = (float)MemoryMarshal.Read<Half>(file.AsSpan(b * size)), max = w[(b * 32)..(b * 32 + 32)].Max(MathF.Abs);
            for (int i = 0; i < 32; i++)
            {
                byte low = file[b * size + 2 + i % (size - 2)];
                int q = format == BlockFormat.Q8_0 ? (sbyte)low : (i < 16 ? low & 15 : low >> 4) - 8;
                Assert.Equal(q * scale, weights[b * 32 + i]);
                // Half a step; the largest on the other side of zero, which has no 8, may be a whole one off.
                Assert.InRange(Math.Abs(weights[b * 32 + i] - w[b * 32 + i]), 0, (format == BlockFormat.Q8_0 ? max / 253 : max / 7.9) + 1e-3 * max);
            }
        }
        matrix.DequantizeRow(9, row);
        Assert.Equal(weights[(9 * Columns)..(10 * Columns)], row);
        Assert.Equal(file.Length, matrix.Bytes);
        foreach (int together in new[] { 1, 3, 6, 13 })
        {
            QuantizedMatrix again = QuantizedMatrix.Pack(format, Rows, Columns, (first, count, blocks) =>
            {
                Assert.True(first % together == 0 && (count % together == 0 || first + count == Rows));
                file.AsSpan(first * file.Length / Rows, count * file.Length / Rows).CopyTo(blocks);
            }, together);
            Assert.Equal(file, QuantizedChecks.Blocks(again));
        }
    }

    [SharedTheory]
    [InlineData(BlockFormat.Q8_0)]
    [InlineData(BlockFormat.Q4_0)]
    public void Blocks_are_those_that_llama_cpp_writes(BlockFormat format)
    {
        (float[] w, byte[] expected) = QuantizedChecks.LlamaCpp(format, 64);
        Assert.Equal(expected, QuantizedChecks.Blocks(QuantizedMatrix.Quantize(format, w, 2, 64)));
    }

    [Theory]
    [InlineData(BlockFormat.Q8_0)]
    [InlineData(BlockFormat.Q4_0)]
    public void Products_match_the_quantized_arithmetic_exactly_but_for_float_sums(BlockFormat format)
    {
        foreach (int columns in new[] { 32, 64, 320 })
        {
            foreach (int rows in new[] { 0, 1, 7, 8, 9, 20, 130 })
            {
                float[] w = Reference.Random(rows * columns, 1);
                foreach (int m in new[] { 0, 1, 2, 3, 4, 5, 8, 70 })
                    QuantizedChecks.Product(() => QuantizedMatrix.Quantize(format, w, rows, columns), Reference.Random(m * columns, 2), m, cancels: false);
            }
        }
    }

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
            FromQ8(values, scales, 8, 32).MultiplyTransposed(x, 1, y);
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
                FromQ8(values, [(Half)1], 1, 32).MultiplyTransposed(ones, 2, y);
                Assert.Equal(32f * w * x, y[0], 1e-2f);
                Assert.Equal(y[0], y[1]);
            }
        }
    });

    [Theory]
    [InlineData(BlockFormat.Q8_0, 0.004, 0.012)]
    [InlineData(BlockFormat.Q4_0, 0.06, 0.1)]
    public void The_error_beside_the_float_product_is_as_documented(BlockFormat format, double least, double most)
    {
        const int Rows = 256, Columns = 512, M = 8;
        float[] w = Reference.Random(Rows * Columns, 1), x = Reference.Random(M * Columns, 2), y = new float[M * Rows], exact = new float[y.Length];
        QuantizedMatrix.Quantize(format, w, Rows, Columns).MultiplyTransposed(x, M, y);
        MatMul.Multiply(x, Columns, false, w, Columns, true, exact, Rows, M, Rows, Columns);
        double error = Math.Sqrt(y.Zip(exact, (a, b) => Math.Pow(a - b, 2)).Average());
        double size = Math.Sqrt(exact.Average(v => (double)v * v));
        Assert.InRange(error / size, least, most);
    }

    [Fact]
    public void Threads_do_not_change_a_bit() => Variants.SameOnAnyThreads(() =>
    {
        var y = new float[6 * 500];
        QuantizedMatrix.Quantize(BlockFormat.Q8_0, Reference.Random(500 * 128, 1), 500, 128).MultiplyTransposed(Reference.Random(6 * 128, 2), 6, y);
        return y;
    });

    [Theory]
    [InlineData(BlockFormat.Q8_0)]
    [InlineData(BlockFormat.Q4_0)]
    [InlineData(BlockFormat.Q4_K)]
    public void A_call_allocates_nothing(BlockFormat format)
    {
        QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, Reference.Random(600 * 256, 1), 600, 256);
        float[] x = new float[256], y = new float[600];
        matrix.MultiplyTransposed(x, 1, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        matrix.MultiplyTransposed(x, 1, y);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(BlockFormat.Q8_0)]
    [InlineData(BlockFormat.Q4_0)]
    public void Matrices_that_share_x_give_what_each_gives_alone(BlockFormat format) => Variants.Each(where =>
    {
        foreach (int m in new[] { 0, 1, 3, 9 })
        {
            float[] x = Reference.Random(m * 64, 1);
            int[] rows = [40, 13, 600];
            QuantizedMatrix[] w = [.. rows.Select((r, i) => QuantizedMatrix.Quantize(format, Reference.Random(r * 64, (ulong)i + 5), r, 64))];
            float[][] alone = [.. rows.Select(r => new float[m * r])], both = [.. rows.Select(r => new float[m * r])], three = [.. rows.Select(r => new float[m * r])];
            for (int i = 0; i < w.Length; i++)
                w[i].MultiplyTransposed(x, m, alone[i]);
            QuantizedMatrix.MultiplyTransposed(x, m, w[0], both[0], w[1], both[1]);
            QuantizedMatrix.MultiplyTransposed(x, m, w[0], three[0], w[1], three[1], w[2], three[2]);
            Assert.Equal(alone[..2], both[..2]);
            Assert.Equal(alone, three);
        }
    });

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(BlockFormat.Q8_0, new float[40], 1, 40));
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(BlockFormat.Q8_0, new float[32], 2, 32));
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(BlockFormat.Q8_0, [.. new float[31], float.NaN], 1, 32));
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(BlockFormat.Q8_0, [.. new float[31], 1e7f], 1, 32));
        Assert.Throws<ArgumentException>(() => FromQ8(new sbyte[32], [Half.PositiveInfinity], 1, 32));
        QuantizedMatrix a = QuantizedMatrix.Quantize(BlockFormat.Q8_0, new float[64], 2, 32), b = QuantizedMatrix.Quantize(BlockFormat.Q4_0, new float[64], 2, 32);
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.MultiplyTransposed(new float[32], 1, a, new float[2], b, new float[2]));
        Assert.Throws<ArgumentException>(() => QuantizedMatrix.Quantize(BlockFormat.Q8_0, new float[32], 1, 32).MultiplyTransposed(new float[32], 1, new float[2]));
    }

    [Theory]
    [InlineData(BlockFormat.Q8_0)]
    [InlineData(BlockFormat.Q4_0)]
    public void Every_way_to_pack_and_multiply_gives_the_same(BlockFormat format) => Variants.Each(where =>
    {
        // Emulated where an instruction is not there: what is tested is the packing and the sums around it.
        foreach ((int rows, int columns, int m) in new[] { (8, 32, 1), (20, 96, 1), (20, 96, 4), (130, 1056, 7), (9, 64, 70) })
        {
            float[] w = Reference.Random(rows * columns, 1), x = Reference.Random(m * columns, 2), first = [];
            byte[] blocks = [];
            foreach (Q8Kernel kernel in Kernels)
            {
                using Q8Kernels.Scope scope = Q8Kernels.Force(kernel);
                using QuantizedMatrix matrix = QuantizedMatrix.Quantize(format, w, rows, columns);
                float[] y = new float[m * rows];
                matrix.MultiplyTransposed(x, m, y);
                if (kernel == Kernels[0])
                    (first, blocks) = (y, QuantizedChecks.Blocks(matrix));
                Assert.Equal(blocks, QuantizedChecks.Blocks(matrix));
                Assert.True(first.AsSpan().SequenceEqual(y), $"{where}{kernel} ({rows},{columns}) m {m}"); // the same whole numbers, scaled in the same order
            }
        }
    });

    private static QuantizedMatrix FromQ8(sbyte[] values, Half[] scales, int rows, int columns) =>
        QuantizedMatrix.Pack(BlockFormat.Q8_0, rows, columns, (row, count, blocks) =>
        {
            for (int b = 0; b < blocks.Length / 34; b++)
            {
                int at = row * (columns / 32) + b;
                MemoryMarshal.Write(blocks[(b * 34)..], scales[at]);
                MemoryMarshal.AsBytes(values.AsSpan(at * 32, 32)).CopyTo(blocks[(b * 34 + 2)..]);
            }
        });
}
