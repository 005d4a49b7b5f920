using System.Buffers.Binary;
using System.Numerics;

namespace Cleave.Formats.Durable;

/// <summary>
/// The Castagnoli cyclic redundancy check (RFC 3720, appendix B.4): polynomial 0x1EDC6F41, reflected, first and
/// last inverted. Eight bytes a step through the processor's instruction where it has one.
/// </summary>
public static class Crc32C
{
    /// <summary>The checksum of <paramref name="bytes"/>; of "123456789" it is 0xE3069283.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of a text whose first part has the checksum <paramref name="crc"/> (0 for none).</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (byte b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
