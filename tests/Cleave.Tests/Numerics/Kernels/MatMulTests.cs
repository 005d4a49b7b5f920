using System.Runtime.InteropServices;
using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class MatMulTests
{
    private static readonly int[] Odd = [1, 2, 3, 5, 6, 7, 8, 9, 13, 16, 17, 33, 50];

    [Fact]
    public void Small_odd_shapes_match_in_every_layout() => Variants.EachSet(where =>
    {
        for (int i = 0; i < Odd.Length * Odd.Length; i++)
            Check(Odd[i % Odd.Length], Odd[i / Odd.Length], Odd[(i * 5 + i / Odd.Length) % Odd.Length], i, where);
    });

    [Fact]
    public void Every_inner_length_matches() => Variants.EachSet(where =>
    {
        for (int k = 0; k <= 70; k++)
        {
            Check(13, 35, k, k, where);
            Check(3, 9, k, k, where);
        }
    });

    [Fact]
    public void Shapes_beyond_every_block_match() => Variants.Each(where =>
    {
        bool slow = where.StartsWith("Avx512", StringComparison.Ordinal) && !System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated;
        if (slow || where.StartsWith("Scalar", StringComparison.Ordinal))
        {
            Check(130, 70, 300, 3, where);
            return;
        }
        Check(130, 150, 1100, 0, where); // several chunks of k
        Check(2100, 40, 30, 6, where); // several chunks of m
        Check(20, 2100, 270, 2, where); // several chunks of n
        Check(1, 600, 300, 2, where);
        Check(5, 300, 600, 7, where);
        Check(600, 5, 300, 2, where);
    });

    [Fact]
    public void Sixteen_bit_right_operands_give_the_product_of_their_values() => Variants.EachSet(where =>
    {
        for (int i = 0; i < Odd.Length * Odd.Length; i++)
            CheckHalf(Odd[i % Odd.Length], Odd[i / Odd.Length], Odd[(i * 5 + i / Odd.Length) % Odd.Length], i, where);
        for (int layout = 0; layout < 8; layout++)
            CheckHalf(90, 70, 300, layout, where);
        for (int m = 1; m <= 9; m++)
        {
            CheckHalf(m, 19, 48, 2, where);
            CheckHalf(m, 300, 272, 6, where); // in several parts
        }
    });

    [Fact]
    public void Threads_do_not_change_a_bit() => Variants.SameOnAnyThreads(() =>
    {
        var c = new float[150 * 130];
        MatMul.Multiply(Reference.Random(150 * 140, 1), 140, false, Reference.Random(130 * 140, 2), 140, true, c, 130, 150, 130, 140);
        return c;
    });

    [Fact]
    public void A_product_over_nothing_is_zero_or_leaves_the_sum() => Variants.EachSet(where =>
    {
        float[] c = [1, 2, 3, 4];
        MatMul.Multiply([], 0, false, [], 2, false, c, 2, 2, 2, 0, accumulate: true);
        Assert.Equal([1, 2, 3, 4], c);
        MatMul.Multiply([], 0, false, [], 2, false, c, 2, 2, 2, 0);
        Assert.Equal([0, 0, 0, 0], c);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void NaN_reaches_its_row_and_no_other(int m) => Variants.EachSet(where =>
    {
        foreach (bool transposed in new[] { false, true })
        {
            float[] a = Reference.Random(m * 20, 1), b = Reference.Random(20 * 30, 2), c = new float[m * 30];
            a[7] = float.NaN;
            MatMul.Multiply(a, 20, false, b, transposed ? 20 : 30, transposed, c, 30, m, 30, 20);
            Assert.All(c[..30], x => Assert.True(float.IsNaN(x), where));
            Assert.All(c[30..], x => Assert.False(float.IsNaN(x), where));
        }
    });

    [Fact]
    public void Wrong_sizes_are_refused()
    {
        float[] x = new float[6];
        Assert.Throws<ArgumentException>(() => MatMul.Multiply(x, 3, false, x, 2, false, x, 2, 2, 2, 4));
        Assert.Throws<ArgumentException>(() => MatMul.Multiply(x, 3, false, x, 1, false, x, 2, 2, 2, 3));
        Assert.Throws<ArgumentException>(() => MatMul.Multiply(x, 3, false, x, 2, false, x, 2, -1, 2, 3));
        Assert.Throws<ArgumentException>(() => MatMul.Multiply(x, 3, false, x, 2, false, new float[3], 2, 2, 2, 3));
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        float[] a = new float[64 * 64], b = new float[64 * 64], c = new float[64 * 64];
        void Once()
        {
            MatMul.Multiply(a, 64, false, b, 64, true, c, 64, 64, 64, 64);
            MatMul.Multiply(a, 64, false, b, 64, true, c, 64, 1, 64, 64);
        }
        Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Check(int m, int n, int k, int layout, string where)
    {
        bool transposeA = (layout & 1) != 0, transposeB = (layout & 2) != 0, accumulate = (layout & 4) != 0;
        int lda = (transposeA ? m : k) + 1, ldb = (transposeB ? k : n) + 2, ldc = n + 3;
        float[] a = Reference.Random((transposeA ? k : m) * lda, 1), b = Reference.Random((transposeB ? n : k) * ldb, 2);
        float[] c = Reference.Random(m * ldc, 3);
        var expected = new double[c.Length];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < ldc; j++)
            {
                double sum = j >= n || accumulate ? c[i * ldc + j] : 0;
                for (int p = 0; p < k && j < n; p++)
                    sum += (double)a[transposeA ? p * lda + i : i * lda + p] * b[transposeB ? j * ldb + p : p * ldb + j];
                expected[i * ldc + j] = sum;
            }
        }
        MatMul.Multiply(a, lda, transposeA, b, ldb, transposeB, c, ldc, m, n, k, accumulate);
        Reference.Close(expected, c, Bounds.MatMul, $"{where}({m},{n},{k}) {transposeA} {transposeB} {accumulate} ");
    }

    // Elements of sixteen bits are widened exactly, so the product is that of the widened matrix, bit for bit, wherever the same sums are made.
    private static void CheckHalf(int m, int n, int k, int layout, string where)
    {
        bool transposeA = (layout & 1) != 0, transposeB = (layout & 2) != 0, accumulate = (layout & 4) != 0;
        int lda = (transposeA ? m : k) + 1, ldb = (transposeB ? k : n) + 2, ldc = n + 3;
        float[] a = Reference.Random((transposeA ? k : m) * lda, 1), b = Reference.Random((transposeB ? n : k) * ldb, 2);
        foreach (HalfFormat format in Enum.GetValues<HalfFormat>())
        {
            var half = new ushort[b.Length];
            var wide = new float[b.Length];
            if (format == HalfFormat.BFloat16)
            {
                Conversion.FloatToBFloat16(b, half);
                Conversion.BFloat16ToFloat(half, wide);
            }
            else
            {
                Conversion.FloatToHalf(b, MemoryMarshal.Cast<ushort, Half>(half.AsSpan()));
                Conversion.HalfToFloat(MemoryMarshal.Cast<ushort, Half>(half), wide);
            }
            float[] expected = Reference.Random(m * ldc, 3), c = Reference.Random(m * ldc, 3);
            MatMul.Multiply(a, lda, transposeA, wide, ldb, transposeB, expected, ldc, m, n, k, accumulate);
            MatMul.Multiply(a, lda, transposeA, half, format, ldb, transposeB, c, ldc, m, n, k, accumulate);
            string what = $"{where}({m},{n},{k}) {format} {transposeA} {transposeB} {accumulate} ";
            // Few rows of a transposed bfloat16 operand are summed in another order, even elements and odd ones apart.
            bool pairs = format == HalfFormat.BFloat16 && !transposeA && transposeB && m <= Math.Min(8, n) && k % 16 == 0;
            if (!pairs && (n > 8 || m <= n))
                Assert.True(expected.AsSpan().SequenceEqual(c), what);
            Reference.Close(Array.ConvertAll(expected, x => (double)x), c, Bounds.MatMul, what);
        }
    }
}
