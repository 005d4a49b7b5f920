namespace Cleave.Formats.Safetensors;

/// <summary>One tensor of a safetensors file: what it is and where its bytes lie (little-endian, row-major).</summary>
/// <param name="FileOffset">Of the first byte, from the start of the file.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDType DType, long[] Shape, long FileOffset, long ByteCount)
{
    public long Elements => ByteCount / DType.Bytes();
}
