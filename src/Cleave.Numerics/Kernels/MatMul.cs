using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Products of row-major float matrices.</summary>
public static unsafe partial class MatMul
{
    /// <summary>
    /// C = op(A) · op(B), or C += op(A) · op(B) with <paramref name="accumulate"/>; op(A) is (m, k), op(B) is
    /// (k, n), C is (m, n). A transposed operand is stored with its two sizes exchanged.
    /// </summary>
    /// <param name="a">(m, k), or (k, m) if <paramref name="transposeA"/>; rows <paramref name="lda"/> apart.</param>
    /// <param name="b">(k, n), or (n, k) if <paramref name="transposeB"/>; rows <paramref name="ldb"/> apart.</param>
    /// <param name="c">(m, n), rows <paramref name="ldc"/> apart; must not overlap the operands.</param>
    /// <remarks>With k = 0 the product is zero. The order of every sum depends on the sizes, not on the threads.</remarks>
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
        if (m == 0 || n == 0)
            return;
        fixed (float* pa = a, pb = b, pc = c)
        {
            var product = new Product
            {
                A = pa,
                B = pb,
                C = pc,
                Lda = lda,
                Ldb = ldb,
                Ldc = ldc,
                TransposeA = transposeA,
                TransposeB = transposeB,
                M = m,
                N = n,
                K = k,
                Accumulate = accumulate,
            };
            InstructionSet set = InstructionSets.Active;
            if (k == 0 || set == InstructionSet.Scalar)
                Reference(product);
            else if (!Narrow(product))
            {
                if (set == InstructionSet.Avx512)
                    Packed<Tile16>(product);
                else
                    Packed<Tile8>(product);
            }
        }
    }

    /// <summary>The arguments of one multiplication, as every way of doing it takes them.</summary>
    private struct Product
    {
        public float* A, B, C;
        public nint Lda, Ldb, Ldc;
        public bool TransposeA, TransposeB, Accumulate;
        public int M, N, K;

        public readonly long Work => (long)M * N * K;
    }

    /// <summary>The reference: one sum per element, in the order of k.</summary>
    private static void Reference(in Product x)
    {
        (nint aRow, nint aColumn) = x.TransposeA ? ((nint)1, x.Lda) : (x.Lda, 1);
        (nint bRow, nint bColumn) = x.TransposeB ? ((nint)1, x.Ldb) : (x.Ldb, 1);
        for (nint i = 0; i < x.M; i++)
        {
            for (nint j = 0; j < x.N; j++)
            {
                float sum = 0;
                for (nint p = 0; p < x.K; p++)
                    sum += x.A[i * aRow + p * aColumn] * x.B[p * bRow + j * bColumn];
                float* target = x.C + i * x.Ldc + j;
                *target = x.Accumulate ? *target + sum : sum;
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
