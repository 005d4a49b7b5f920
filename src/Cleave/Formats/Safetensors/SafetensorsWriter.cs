using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cleave.Formats.Durable;

namespace Cleave.Formats.Safetensors;

/// <summary>
/// Writes a safetensors file. Equal input gives equal bytes: tensors in the given order, metadata by name, the
/// header padded with blanks so that the data begin at a multiple of eight.
/// </summary>
public static class SafetensorsWriter
{
    /// <summary>What Hugging Face's Transformers wants to see in a file before it loads it.</summary>
    public static IReadOnlyDictionary<string, string> TransformersMetadata { get; } =
        new SortedDictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" };

    /// <summary>Writes the file whole or not at all.</summary>
    /// <exception cref="CleaveException">The place cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, metadata));

    /// <exception cref="ArgumentException">A name is there twice, a shape is negative, or a tensor wrote too much or too little.</exception>
    public static void Write(Stream stream, IReadOnlyList<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        long[] sizes = [.. tensors.Select(SizeOf)];
        byte[] header = Header(tensors, sizes, metadata);
        Span<byte> length = stackalloc byte[SafetensorsHeader.LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        for (int i = 0; i < sizes.Length; i++)
        {
            using var counted = new CountingStream(stream);
            tensors[i].WriteData(counted);
            if (counted.Position != sizes[i])
            {
                throw new ArgumentException(
                    $"the tensor {tensors[i].Name} wrote {counted.Position} bytes; its type and shape call for {sizes[i]}", nameof(tensors));
            }
        }
    }

    private static long SizeOf(TensorToWrite tensor) =>
        SafetensorsDTypes.Elements(tensor.Shape) is { } elements && elements <= long.MaxValue / 8 ? elements * tensor.DType.Bytes()
            : throw new ArgumentException($"the tensor {tensor.Name} has the impossible shape [{string.Join(", ", tensor.Shape)}]", nameof(tensor));

    private static byte[] Header(IReadOnlyList<TensorToWrite> tensors, long[] sizes, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        if (metadata is { Count: > 0 })
        {
            json.WriteStartObject("__metadata__");
            foreach ((string key, string value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal))
                json.WriteString(key, value);
            json.WriteEndObject();
        }
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        long offset = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            if (!names.Add(tensors[i].Name))
                throw new ArgumentException($"the name {tensors[i].Name} is taken", nameof(tensors));
            WriteEntry(json, tensors[i], offset, checked(offset += sizes[i]));
        }
        json.WriteEndObject();
        json.Flush();
        while (buffer.WrittenCount % 8 != 0)
            buffer.Write(" "u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorToWrite tensor, long start, long end)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType.ToString());
        json.WriteStartArray("shape");
        foreach (long dimension in tensor.Shape)
            json.WriteNumberValue(dimension);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(start);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
