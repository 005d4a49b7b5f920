namespace Cleave.Numerics.Simd;

/// <summary>Rows cut into blocks of about 8192 elements: a partition that depends on the sizes only.</summary>
internal readonly struct RowBlocks(int rows, int columns)
{
    private const int Elements = 8192;

    private readonly int _size = Math.Max(1, Elements / Math.Max(1, columns));

    public int Count => (rows + _size - 1) / _size;

    /// <summary>Whether there is enough work for more than one thread.</summary>
    public bool Threaded => (long)rows * columns >= Dispatch.ThreadedFrom;

    public int Start(int block) => block * _size;
    public int End(int block) => Math.Min(rows, (block + 1) * _size);
}
