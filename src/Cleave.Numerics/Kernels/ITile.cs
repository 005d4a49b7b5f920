namespace Cleave.Numerics.Kernels;

/// <summary>
/// The register blocks of matrix multiplication: a small block of C whose sums stay in registers while k runs.
/// </summary>
internal unsafe interface ITile
{
    /// <summary>Rows of the packed tile, the width of a packed panel of A.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of both tiles, the width of a packed panel of B.</summary>
    static abstract int Columns { get; }

    /// <summary>Most rows of the strided tile.</summary>
    static abstract int StridedRows { get; }

    /// <summary>C (Rows, Columns) = or += A · B with a = (k, Rows) and b = (k, Columns) packed; k ≥ 1.</summary>
    static abstract void Packed(float* a, float* b, int k, float* c, nint ldc, bool accumulate);

    /// <summary>
    /// C (rows, Columns) = or += A · B with A(i, p) at a[i · rowStride + p · columnStride] and rows of b
    /// <paramref name="ldb"/> apart; 1 ≤ rows ≤ StridedRows, k ≥ 1.
    /// </summary>
    static abstract void Strided(float* a, nint rowStride, nint columnStride, float* b, nint ldb, int k, float* c, nint ldc, int rows,
        bool accumulate);
}
