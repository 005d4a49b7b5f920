using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Kernels;

/// <summary>Small products on one thread straight from strided memory, for kernels that are made of such products.</summary>
internal static unsafe class TileProduct<TTile> where TTile : struct, ITile
{
    public static int RoundUp(int columns) => (columns + TTile.Columns - 1) / TTile.Columns * TTile.Columns;

    /// <summary>
    /// C (m, n) = or += A · B with A(i, p) at a[i · rowStride + p · columnStride]; b and c hold n rounded up to
    /// whole tiles of columns. With <paramref name="diagonal"/> ≥ 0 only tiles that reach column
    /// ≤ row + diagonal are computed.
    /// </summary>
    /// <param name="panel">Distance in b from one tile's columns to the next's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, nint rowStride, nint columnStride, float* b, nint ldb, nint panel, float* c, nint ldc,
        int m, int n, int k, bool accumulate, int diagonal = int.MaxValue)
    {
        for (int j = 0; j < n; j += TTile.Columns, b += panel)
        {
            for (int i = 0; i < m; i += TTile.StridedRows)
            {
                int rows = Math.Min(TTile.StridedRows, m - i);
                if (j <= (long)i + rows - 1 + diagonal)
                    TTile.Strided(a + i * rowStride, rowStride, columnStride, b, ldb, k, c + i * ldc + j, ldc, rows, accumulate);
            }
        }
    }
}
