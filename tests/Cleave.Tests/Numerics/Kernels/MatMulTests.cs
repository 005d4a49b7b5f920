using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class MatMulTests
{
    [Fact]
    public void Every_layout_matches_the_plain_sum()
    {
        foreach ((int m, int n, int k) in new[] { (0, 3, 2), (1, 1, 1), (2, 3, 0), (3, 5, 7), (6, 16, 8), (7, 17, 33) })
        {
            for (int layout = 0; layout < 8; layout++)
                Check(m, n, k, (layout & 1) != 0, (layout & 2) != 0, (layout & 4) != 0);
        }
    }

    private static void Check(int m, int n, int k, bool transposeA, bool transposeB, bool accumulate)
    {
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
        Reference.Close(expected, c, 1e-5, $"({m},{n},{k}) {transposeA} {transposeB} {accumulate}");
    }
}
