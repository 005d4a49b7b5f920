using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Products of row-major float matrices.</summary>
public static partial class MatMul
{
    /// <summary>
    /// C = op(A) · op(B), or C += op(A) · op(B) with <paramref name="accumulate"/>; op(A) is (m, k), op(B) is
    /// (k, n), C is (m, n). A transposed operand is stored with its two sizes exchanged.
    /// </summary>
    /// <param name="a">(m, k), or (k, m) if <paramref name="transposeA"/>; rows <paramref name="lda"/> apart.</param>
    /// <param name="b">(k, n), or (n, k) if <paramref name="transposeB"/>; rows <paramref name="ldb"/> apart.</param>
    /// <param name="c">(m, n), rows <paramref name="ldc"/> apart; must not overlap the operands.</param>
    /// <remarks>With k = 0 the product is zero. The order of every sum depends on k alone, not on the threads.</remarks>
    /// <exception cref="ArgumentException">A size is negative, a stride is shorter than its row, or a span is too short.</exception>
    public static void Multiply(ReadOnlySpan<float> a, int lda, bool transposeA, ReadOnlySpan<float> b, int ldb, bool transposeB,
        Span<float> c, int ldc, int m, int n, int k, bool accumulate = false)
    {
        Guard.NotNegative(m, nameof(m));
        Guard.NotNegative(n, nameof(n));
        Guard.NotNegative(k, nameof(k));
        CheckMatrix(a.Length, lda, transposeA ? k : m, transposeA ? m : k, nameof(a));
        CheckMatrix(b.Length, ldb, transposeB ? n : k, transposeB ? k : n, nameof(b));
        CheckMatrix(c.Length, ldc, m, n, nameof(c));
        Scalar(a, lda, transposeA, b, ldb, transposeB, c, ldc, m, n, k, accumulate);
    }

    /// <summary>The reference: one sum per element, in the order of k.</summary>
    private static void Scalar(ReadOnlySpan<float> a, int lda, bool transposeA, ReadOnlySpan<float> b, int ldb, bool transposeB,
        Span<float> c, int ldc, int m, int n, int k, bool accumulate)
    {
        (int aRow, int aColumn) = transposeA ? (1, lda) : (lda, 1);
        (int bRow, int bColumn) = transposeB ? (1, ldb) : (ldb, 1);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                float sum = 0;
                for (int p = 0; p < k; p++)
                    sum += a[i * aRow + p * aColumn] * b[p * bRow + j * bColumn];
                ref float target = ref c[i * ldc + j];
                target = accumulate ? target + sum : sum;
            }
        }
    }

    private static void CheckMatrix(int length, int stride, int rows, int columns, string name)
    {
        if (stride < columns)
            throw new ArgumentException($"{name}: rows of {columns} elements cannot be {stride} apart", name);
        if (rows > 0 && columns > 0)
            Guard.AtLeast(length, (long)(rows - 1) * stride + columns, name);
    }
}
