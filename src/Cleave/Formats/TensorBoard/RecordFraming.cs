using System.Buffers.Binary;
using System.Numerics;
using Cleave.Formats.Durable;

namespace Cleave.Formats.TensorBoard;

/// <summary>
/// TFRecord framing: length (8 bytes), masked CRC-32C of the length, data, masked CRC-32C of the data; all
/// little-endian.
/// </summary>
internal static class RecordFraming
{
    public const int HeaderBytes = 12, FooterBytes = 4;

    /// <summary>The mask keeps a checksum of data that hold checksums from being weak.</summary>
    public static uint Masked(ReadOnlySpan<byte> bytes) => BitOperations.RotateRight(Crc32C.Compute(bytes), 15) + 0xA282EAD8;

    public static void Write(Stream stream, ReadOnlySpan<byte> data)
    {
        Span<byte> frame = stackalloc byte[HeaderBytes];
        BinaryPrimitives.WriteInt64LittleEndian(frame, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[8..], Masked(frame[..8]));
        stream.Write(frame);
        stream.Write(data);
        BinaryPrimitives.WriteUInt32LittleEndian(frame, Masked(data));
        stream.Write(frame[..FooterBytes]);
    }
}
