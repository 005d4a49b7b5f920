using System.Text;
using Cleave.Formats.Durable;

namespace Cleave.Formats.Gguf;

/// <summary>A tensor on its way into a GGUF file.</summary>
/// <param name="Shape">Rows first.</param>
/// <param name="WriteData">Writes exactly the bytes that type and shape call for.</param>
public sealed record GgufTensor(string Name, GgufTensorType Type, long[] Shape, Action<Stream> WriteData)
{
    /// <summary>Bytes that type and shape call for.</summary>
    /// <exception cref="ArgumentException">A dimension is not positive, or a row is not whole blocks.</exception>
    public long ByteCount => Type.Block() is { } block && Shape.Length > 0 && Shape.All(d => d > 0) && Shape[^1] % block.Elements == 0
        ? checked(Shape.Aggregate(1L, (product, d) => product * d) / block.Elements * block.Bytes)
        : throw new ArgumentException($"the tensor {Name} of ({string.Join(", ", Shape)}) cannot be {Type}", nameof(Type));
}

/// <summary>Writes GGUF version 3 (ggml's format specification): keys and tensors in the given order, equal input to equal bytes.</summary>
public static class GgufWriter
{
    private const uint Version = 3;

    /// <summary>Writes the file whole or not at all.</summary>
    /// <param name="verify">Reads the finished file at its temporary place; if it throws, the file is not put in place.</param>
    /// <exception cref="CleaveException">The place cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<GgufKey> keys, IReadOnlyList<GgufTensor> tensors, Action<string>? verify = null) =>
        AtomicFile.Write(path, stream => Write(stream, keys, tensors), verify);

    /// <exception cref="ArgumentException">A name is there twice, a value does not fit its type, or a tensor wrote too much or too little.</exception>
    public static void Write(Stream stream, IReadOnlyList<GgufKey> keys, IReadOnlyList<GgufTensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(tensors);
        if (keys.Select(k => k.Name).Concat(tensors.Select(t => "tensor " + t.Name)).GroupBy(n => n).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException($"the name {twice.Key} is there twice", nameof(keys));
        int alignment = new GgufMetadata("the keys to write", keys).Alignment;
        byte[] header = Header(keys, tensors, alignment);
        stream.Write(header);
        Pad(stream, header.Length, alignment);
        foreach (GgufTensor tensor in tensors)
        {
            using var counted = new CountingStream(stream);
            tensor.WriteData(counted);
            if (counted.Position != tensor.ByteCount)
                throw new ArgumentException($"the tensor {tensor.Name} wrote {counted.Position} bytes; its type and shape call for {tensor.ByteCount}", nameof(tensors));
            Pad(stream, counted.Position, alignment);
        }
    }

    private static byte[] Header(IReadOnlyList<GgufKey> keys, IReadOnlyList<GgufTensor> tensors, int alignment)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((long)tensors.Count);
        writer.Write((long)keys.Count);
        foreach (GgufKey key in keys)
        {
            Text(writer, key.Name);
            writer.Write((uint)key.Type);
            Value(writer, key);
        }
        long offset = 0;
        foreach (GgufTensor tensor in tensors)
        {
            Text(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            for (int d = tensor.Shape.Length - 1; d >= 0; d--)
                writer.Write(tensor.Shape[d]);
            writer.Write((uint)tensor.Type);
            writer.Write(offset);
            offset = checked(offset + tensor.ByteCount + (alignment - tensor.ByteCount % alignment) % alignment);
        }
        writer.Flush();
        return bytes.ToArray();
    }

    private static void Value(BinaryWriter writer, GgufKey key)
    {
        try
        {
            if (key.Type != GgufValueType.List)
            {
                One(writer, key.Type, key.Value);
                return;
            }
            var items = (Array)key.Value;
            writer.Write((uint)key.Element);
            writer.Write((long)items.Length);
            foreach (object item in items)
                One(writer, key.Element, item);
        }
        catch (Exception e) when (e is InvalidCastException or OverflowException)
        {
            throw new ArgumentException($"the key {key.Name} does not hold {key.Type}", nameof(key), e);
        }
    }

    private static void One(BinaryWriter writer, GgufValueType type, object value)
    {
        switch (type)
        {
            case GgufValueType.U8: writer.Write(checked((byte)(long)value)); break;
            case GgufValueType.I8: writer.Write(checked((sbyte)(long)value)); break;
            case GgufValueType.U16: writer.Write(checked((ushort)(long)value)); break;
            case GgufValueType.I16: writer.Write(checked((short)(long)value)); break;
            case GgufValueType.U32: writer.Write(checked((uint)(long)value)); break;
            case GgufValueType.I32: writer.Write(checked((int)(long)value)); break;
            case GgufValueType.F32: writer.Write((float)(double)value); break;
            case GgufValueType.Bool: writer.Write((bool)value); break;
            case GgufValueType.Text: Text(writer, (string)value); break;
            case GgufValueType.U64: writer.Write(value is ulong large ? large : checked((ulong)(long)value)); break;
            case GgufValueType.I64: writer.Write((long)value); break;
            case GgufValueType.F64: writer.Write((double)value); break;
            default: throw new ArgumentException($"{type} cannot be written", nameof(type));
        }
    }

    private static void Text(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((long)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(Stream stream, long position, int alignment)
    {
        for (long i = position; i % alignment != 0; i++)
            stream.WriteByte(0);
    }
}
