namespace Cleave.Formats.Gguf;

/// <summary>One tensor of a GGUF file: what it is and where its bytes lie (little-endian, row-major).</summary>
/// <param name="Shape">Rows first, as everywhere else; the file lists the dimensions the other way round.</param>
/// <param name="FileOffset">Of the first byte, from the start of the file.</param>
public sealed record GgufEntry(string Name, GgufTensorType Type, long[] Shape, long FileOffset, long ByteCount)
{
    public long Elements => Shape.Aggregate(1L, (product, d) => product * d);
}
