using System.Buffers.Binary;
using System.Text.Json;
using Cleave.Json;

namespace Cleave.Formats.Safetensors;

/// <summary>
/// The header of a safetensors file: eight bytes of length, then JSON that maps each tensor's name to its type,
/// shape and range. Everything in it is checked against everything else and the length of the file.
/// </summary>
internal static class SafetensorsHeader
{
    public const int LengthBytes = 8;

    /// <summary>The limit that the format's own library sets.</summary>
    public const long MaxBytes = 100_000_000;

    /// <returns>The header's length in bytes.</returns>
    public static int ReadLength(ReadOnlySpan<byte> start, long fileBytes, string path)
    {
        if (start.Length < LengthBytes)
            throw new ModelFileException(path, $"{fileBytes} bytes are too few for a safetensors file", 0);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxBytes)
            throw new ModelFileException(path, $"a header of {length} bytes is over the limit of {MaxBytes}; this is not a safetensors file", 0);
        if ((long)length > fileBytes - LengthBytes)
            throw new ModelFileException(path, $"the header needs {length} bytes, but the file ends after {fileBytes - LengthBytes}", 0);
        return (int)length;
    }

    public static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(
        ReadOnlySpan<byte> header, long fileBytes, string path)
    {
        if (!header.StartsWith("{"u8))
            throw new ModelFileException(path, "the header does not begin with '{'", LengthBytes);
        JsonCursor root;
        try
        {
            root = JsonCursor.Parse(header, path);
        }
        catch (ModelFileException e) when (e.Offset is { } at)
        {
            throw new ModelFileException(path, "the header is not valid JSON", LengthBytes + at);
        }
        var entries = new List<SafetensorsEntry>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        long dataStart = LengthBytes + header.Length;
        foreach ((string name, JsonCursor value) in root.Members())
        {
            if (name == "__metadata__")
            {
                foreach ((string key, JsonCursor text) in value.Members())
                    metadata.Add(key, text.Text());
            }
            else
            {
                entries.Add(ReadEntry(name, value, dataStart, fileBytes, path));
            }
        }
        CheckCover(entries, dataStart, fileBytes, path);
        return (entries, metadata);
    }

    private static SafetensorsEntry ReadEntry(string name, JsonCursor value, long dataStart, long fileBytes, string path)
    {
        string typeName = value["dtype"].Text();
        if (!Enum.TryParse(typeName, out SafetensorsDType type) || !Enum.IsDefined(type) || type.ToString() != typeName)
            throw value["dtype"].Error($"{typeName} is not a type that can be read ({string.Join(", ", Enum.GetNames<SafetensorsDType>())})");
        long[] shape = [.. value["shape"].Items().Select(d => d.Integer(0))];
        long[] range = [.. value["data_offsets"].Items().Select(d => d.Integer(0))];
        if (range.Length != 2 || range[1] < range[0])
            throw value["data_offsets"].Expected("two offsets, the first not after the second");
        if (value.Element.GetPropertyCount() != 3)
            throw value.Error("a tensor has dtype, shape and data_offsets and nothing else");
        if (range[1] > fileBytes - dataStart)
        {
            throw new ModelFileException(path, $"the tensor {name} ends at byte {range[1]} of the data, which has "
                + $"{fileBytes - dataStart}; the file is cut short or damaged", fileBytes);
        }
        long bytes = range[1] - range[0];
        if (SafetensorsDTypes.Elements(shape) is not { } elements || elements > long.MaxValue / 8 || elements * type.Bytes() != bytes)
        {
            throw new ModelFileException(path, $"the tensor {name} of type {type} and shape [{string.Join(", ", shape)}] "
                + $"does not fill the {bytes} bytes it is given", dataStart + range[0]);
        }
        return new SafetensorsEntry(name, type, shape, dataStart + range[0], bytes);
    }

    /// <summary>The tensors' ranges follow each other without a hole or an overlap and end where the file ends.</summary>
    private static void CheckCover(List<SafetensorsEntry> entries, long dataStart, long fileBytes, string path)
    {
        long end = dataStart;
        foreach (SafetensorsEntry entry in entries.OrderBy(e => e.FileOffset).ThenBy(e => e.ByteCount))
        {
            if (entry.FileOffset != end)
            {
                string what = entry.FileOffset < end ? "overlaps the one before it" : "leaves a hole before it";
                throw new ModelFileException(path, $"the tensor {entry.Name} {what}", entry.FileOffset);
            }
            end += entry.ByteCount;
        }
        if (end != fileBytes)
            throw new ModelFileException(path, $"{fileBytes - end} bytes follow the last tensor", end);
    }
}
