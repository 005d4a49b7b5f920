using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Cleave.Formats.Safetensors;

/// <summary>Reads stored floating-point numbers as float32, through a small buffer where they must be converted.</summary>
internal static class FloatReader
{
    private const int ChunkBytes = 1 << 18;

    public static void Read(SafetensorsFile file, SafetensorsEntry entry, long from, Span<float> destination)
    {
        int size = entry.DType.Bytes();
        if (entry.DType == SafetensorsDType.F32)
        {
            // A span of bytes holds at most 2 GiB.
            for (int at = 0; at < destination.Length; at += 1 << 28)
            {
                Span<float> part = destination.Slice(at, Math.Min(1 << 28, destination.Length - at));
                file.ReadBytes(entry, (from + at) * size, MemoryMarshal.AsBytes(part));
            }
            return;
        }
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        int most = ChunkBytes / size;
        for (int at = 0; at < destination.Length; at += most)
        {
            Span<float> part = destination.Slice(at, Math.Min(most, destination.Length - at));
            Span<byte> raw = buffer.AsSpan(0, part.Length * size);
            file.ReadBytes(entry, (from + at) * size, raw);
            Convert(entry.DType, raw, part);
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static void Convert(SafetensorsDType type, ReadOnlySpan<byte> raw, Span<float> destination)
    {
        if (type == SafetensorsDType.BF16)
        {
            FromBFloat16(MemoryMarshal.Cast<byte, ushort>(raw), destination);
        }
        else if (type == SafetensorsDType.F16)
        {
            ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(raw);
            for (int i = 0; i < destination.Length; i++)
                destination[i] = (float)halves[i];
        }
        else
        {
            ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(raw);
            for (int i = 0; i < destination.Length; i++)
                destination[i] = (float)doubles[i];
        }
    }

    /// <summary>A bfloat16 is the upper half of a float32.</summary>
    private static void FromBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int width = Vector<ushort>.Count, i = 0;
        for (; i <= source.Length - width; i += width)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            Vector.AsVectorSingle(low << 16).CopyTo(destination[i..]);
            Vector.AsVectorSingle(high << 16).CopyTo(destination[(i + width / 2)..]);
        }
        for (; i < source.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }
}
