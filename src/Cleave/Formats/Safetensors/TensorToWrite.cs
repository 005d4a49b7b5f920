using System.Buffers;
using System.Runtime.InteropServices;

namespace Cleave.Formats.Safetensors;

/// <summary>A tensor on its way into a safetensors file.</summary>
/// <param name="WriteData">Writes exactly the bytes that type and shape call for, little-endian and row-major.</param>
public sealed record TensorToWrite(string Name, SafetensorsDType DType, long[] Shape, Action<Stream> WriteData)
{
    public TensorToWrite(string name, SafetensorsDType type, long[] shape, ReadOnlyMemory<byte> data)
        : this(name, type, shape, stream => stream.Write(data.Span)) { }

    /// <summary>Numbers stored as F32, F16 or BF16, rounded to nearest even.</summary>
    public static TensorToWrite From(string name, SafetensorsDType type, long[] shape, ReadOnlyMemory<float> values)
    {
        if (type is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16))
            throw new ArgumentException($"float32 numbers are not stored as {type}", nameof(type));
        return new TensorToWrite(name, type, shape, stream => Write(stream, type, values.Span));
    }

    /// <summary>Signed bytes stored as I8.</summary>
    public static TensorToWrite From(string name, long[] shape, ReadOnlyMemory<sbyte> values) =>
        new(name, SafetensorsDType.I8, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));

    /// <summary>Writes float32 numbers to a stream as F32, F16 or BF16, rounded to nearest even.</summary>
    public static void Write(Stream stream, SafetensorsDType type, ReadOnlySpan<float> values)
    {
        ArgumentNullException.ThrowIfNull(stream);
        const int Chunk = 1 << 16;
        if (type == SafetensorsDType.F32)
        {
            for (; values.Length > 0; values = values[Math.Min(Chunk, values.Length)..])
                stream.Write(MemoryMarshal.AsBytes(values[..Math.Min(Chunk, values.Length)]));
            return;
        }
        ushort[] buffer = ArrayPool<ushort>.Shared.Rent(Math.Min(Chunk, values.Length));
        while (values.Length > 0)
        {
            int count = Math.Min(Math.Min(Chunk, buffer.Length), values.Length);
            for (int i = 0; i < count; i++)
                buffer[i] = type == SafetensorsDType.F16 ? BitConverter.HalfToUInt16Bits((Half)values[i]) : ToBFloat16(values[i]);
            stream.Write(MemoryMarshal.AsBytes(buffer.AsSpan(0, count)));
            values = values[count..];
        }
        ArrayPool<ushort>.Shared.Return(buffer);
    }

    /// <summary>The nearest bfloat16, ties to even; a NaN stays a NaN.</summary>
    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
