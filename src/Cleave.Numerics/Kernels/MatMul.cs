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
        CheckSizes(m, n, k);
        CheckMatrix(a.Length, lda, transposeA ? k : m, transposeA ? m : k, nameof(a));
        CheckMatrix(b.Length, ldb, transposeB ? n : k, transposeB ? k : n, nameof(b));
        CheckMatrix(c.Length, ldc, m, n, nameof(c));
        fixed (float* pa = a, pb = b, pc = c)
        {
            Compute<Float32Element>(new Product(pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, m, n, k, accumulate));
        }
    }

    /// <summary>
    /// As above, with the elements of B in sixteen bits: they are widened as they are read, and all sums are float32. The result
    /// has the bits of the product with B widened beforehand, but for few rows or columns (m or n ≤ 8), where the order of a sum may differ.
    /// </summary>
    /// <exception cref="ArgumentException">A size is negative, a stride is shorter than its row, or a span is too short.</exception>
    public static void Multiply(ReadOnlySpan<float> a, int lda, bool transposeA, ReadOnlySpan<ushort> b, HalfFormat format, int ldb, bool transposeB,
        Span<float> c, int ldc, int m, int n, int k, bool accumulate = false)
    {
        CheckSizes(m, n, k);
        CheckMatrix(a.Length, lda, transposeA ? k : m, transposeA ? m : k, nameof(a));
        CheckMatrix(b.Length, ldb, transposeB ? n : k, transposeB ? k : n, nameof(b));
        CheckMatrix(c.Length, ldc, m, n, nameof(c));
        fixed (float* pa = a, pc = c)
        fixed (ushort* pb = b)
        {
            var product = new Product(pa, lda, transposeA, pb, ldb, transposeB, pc, ldc, m, n, k, accumulate);
            if (format == HalfFormat.BFloat16)
                Compute<BFloat16Element>(product);
            else
                Compute<Float16Element>(product);
        }
    }

    private static void Compute<TB>(in Product product) where TB : struct, IElement
    {
        if (product.M == 0 || product.N == 0)
            return;
        InstructionSet set = InstructionSets.Active;
        if (product.K == 0 || set == InstructionSet.Scalar)
            Reference<TB>(product);
        else if (!Narrow<TB>(product))
        {
            if (set == InstructionSet.Avx512)
                Packed<Tile16, TB>(product);
            else if (set == InstructionSet.Avx2)
                Packed<Tile8, TB>(product);
            else
                Packed<Tile4, TB>(product);
        }
    }

    /// <summary>The arguments of one multiplication, as every way of doing it takes them.</summary>
    private readonly struct Product(float* a, nint lda, bool transposeA, void* b, nint ldb, bool transposeB, float* c, nint ldc,
        int m, int n, int k, bool accumulate)
    {
        public readonly float* A = a, C = c;
        public readonly void* B = b; // of the product's element type
        public readonly nint Lda = lda, Ldb = ldb, Ldc = ldc;
        public readonly bool TransposeA = transposeA, TransposeB = transposeB, Accumulate = accumulate;
        public readonly int M = m, N = n, K = k;

        public long Work => (long)M * N * K;
    }

    /// <summary>The reference: one sum per element, in the order of k.</summary>
    private static void Reference<TB>(in Product x) where TB : struct, IElement
    {
        (nint aRow, nint aColumn) = x.TransposeA ? ((nint)1, x.Lda) : (x.Lda, 1);
        (nint bRow, nint bColumn) = x.TransposeB ? ((nint)1, x.Ldb) : (x.Ldb, 1);
        for (nint i = 0; i < x.M; i++)
        {
            for (nint j = 0; j < x.N; j++)
            {
                float sum = 0;
                for (nint p = 0; p < x.K; p++)
                    sum += x.A[i * aRow + p * aColumn] * TB.One(x.B, p * bRow + j * bColumn);
                float* target = x.C + i * x.Ldc + j;
                *target = x.Accumulate ? *target + sum : sum;
            }
        }
    }

    private static void CheckSizes(int m, int n, int k)
    {
        Guard.NotNegative(m, nameof(m));
        Guard.NotNegative(n, nameof(n));
        Guard.NotNegative(k, nameof(k));
    }

    private static void CheckMatrix(int length, int stride, int rows, int columns, string name)
    {
        if (stride < columns)
            throw new ArgumentException($"{name}: rows of {columns} elements cannot be {stride} apart", name);
        if (rows > 0 && columns > 0)
            Guard.AtLeast(length, (long)(rows - 1) * stride + columns, name);
    }
}
