using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;

namespace Cleave.Compression.Conversion;

/// <summary>
/// How much an error in each input of each matrix counts: mean squares of activations, as llama.cpp's llama-imatrix writes them,
/// in GGUF or in its older form (counts, names, float32). Names are those of the GGUF file.
/// </summary>
public sealed class ImportanceMatrix
{
    private const string Sums = ".in_sum2", Counts = ".counts";
    private readonly Dictionary<string, float[]> _values;

    private ImportanceMatrix(Dictionary<string, float[]> values) => _values = values;

    /// <exception cref="ModelFileException">The file is missing, damaged or of another kind.</exception>
    public static ImportanceMatrix Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] bytes = JsonFile.ReadBytes(path);
        Dictionary<string, float[]> values = bytes.AsSpan().StartsWith("GGUF"u8) ? ReadGguf(path) : ReadOld(bytes, path);
        if (values.Count == 0)
            throw new ModelFileException(path, "there is no importance in the file");
        foreach ((string name, float[] each) in values)
        {
            if (each.Any(v => !(v >= 0 && v <= 1e20f)))
                throw new ModelFileException(path, $"the importance of {name} holds a number that is negative or not finite");
        }
        return new ImportanceMatrix(values);
    }

    /// <summary>One number for each column of a tensor, or empty where the file says nothing of it.</summary>
    /// <exception cref="CleaveException">The file's model has other widths.</exception>
    public ReadOnlySpan<float> For(string name, int columns) => !_values.TryGetValue(name, out float[]? values) ? []
        : values.Length == columns ? values
        : throw new CleaveException($"--imatrix: {name} has {values.Length} numbers for {columns} columns; it was made for another model");

    private static Dictionary<string, float[]> ReadGguf(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        var values = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (GgufEntry entry in file.Entries.Where(e => e.Name.EndsWith(Sums, StringComparison.Ordinal)))
        {
            string name = entry.Name[..^Sums.Length];
            float[] sums = Floats(file, entry), counts = Floats(file, file.Entry(name + Counts));
            if (counts.Length != 1)
                throw new ModelFileException(path, $"{name} belongs to a mixture of experts, which is not supported", entry.FileOffset);
            if (counts[0] > 0)
                values[name] = [.. sums.Select(s => s / counts[0])];
        }
        return values;
    }

    private static float[] Floats(GgufFile file, GgufEntry entry)
    {
        if (entry.Type != GgufTensorType.F32 || entry.Elements > int.MaxValue / sizeof(float))
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} is not float32", entry.FileOffset);
        var values = new float[entry.Elements];
        file.ReadBytes(entry, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private static Dictionary<string, float[]> ReadOld(byte[] bytes, string path)
    {
        var values = new Dictionary<string, float[]>(StringComparer.Ordinal);
        int at = 0;
        for (int entries = Number("entries", bytes.Length); entries > 0; entries--)
        {
            int length = Number("characters", bytes.Length - at);
            string name = Encoding.UTF8.GetString(Take(length));
            int calls = Number("calls", int.MaxValue), count = Number("values", (bytes.Length - at) / sizeof(float));
            float[] sums = MemoryMarshal.Cast<byte, float>(Take(count * sizeof(float))).ToArray();
            values[name] = calls > 0 ? [.. sums.Select(s => s / calls)] : sums;
        }
        return values;

        int Number(string what, int most)
        {
            int value = BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));
            return value >= 0 && value <= most ? value
                : throw new ModelFileException(path, $"{value} {what} do not fit; this is not an importance matrix", at - sizeof(int));
        }

        ReadOnlySpan<byte> Take(int count)
        {
            if (count > bytes.Length - at)
                throw new ModelFileException(path, "the file ends too early; it is cut short or not an importance matrix", at);
            at += count;
            return bytes.AsSpan(at - count, count);
        }
    }
}
