namespace Cleave.Numerics.Tensors;

/// <summary>
/// A row-major matrix shape. Everything a transformer computes is a matrix of (tokens, channels): batch and time
/// are one ragged dimension (see <see cref="Kernels.Attention"/>), so no operation pays for padding. A vector is (1, C).
/// </summary>
public readonly record struct Shape
{
    public Shape(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if ((long)rows * columns > int.MaxValue)
            throw new CapacityException($"a tensor of {rows} x {columns} has more than 2^31 elements; use smaller batches");
        Rows = rows;
        Columns = columns;
    }

    public int Rows { get; }
    public int Columns { get; }
    public int Length => Rows * Columns;

    public override string ToString() => $"({Rows}, {Columns})";
}
