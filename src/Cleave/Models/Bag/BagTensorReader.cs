using System.Runtime.InteropServices;
using Cleave.Formats.Safetensors;

namespace Cleave.Models.Bag;

/// <summary>Takes a bag's tensors out of a file, each with the type and shape that the configuration calls for.</summary>
internal sealed class BagTensorReader(SafetensorsFile file)
{
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public NgramVocabulary Vocabulary(int buckets)
    {
        byte[] bytes = Bytes("vocabulary.bits", SafetensorsDType.U8, [buckets / 8]);
        ulong[] bits = MemoryMarshal.Cast<byte, ulong>(bytes).ToArray();
        int known = bits.Sum(System.Numerics.BitOperations.PopCount);
        float[] idf = Floats("vocabulary.idf", SafetensorsDType.F16, known);
        if (!idf.All(f => f > 0))
            throw Error("vocabulary.idf", "frequencies are positive numbers");
        return new NgramVocabulary(bits, idf);
    }

    public QuantizedTable Table(string name, int rows, int columns, int bits)
    {
        string weight = name + ".weight";
        (SafetensorsDType type, int rowBytes) = QuantizedTable.Layout(columns, bits);
        byte[] data = Bytes(weight, type, [rows, rowBytes]);
        float[] scales = Floats(name + ".scale", SafetensorsDType.F16, rows);
        try
        {
            return new QuantizedTable(rows, columns, bits, data, scales);
        }
        catch (ArgumentException e)
        {
            throw Error(weight, e.Message);
        }
    }

    public float[] Floats(string name, SafetensorsDType type, int count)
    {
        Check(name, type, [count]);
        var values = new float[count];
        file.ReadSingle(name, values);
        return values.All(float.IsFinite) ? values : throw Error(name, "holds a number that is not finite");
    }

    /// <summary>A tensor that nobody asked for means that the file is another model's.</summary>
    public void RefuseOthers()
    {
        if (file.Names.FirstOrDefault(n => !_read.Contains(n)) is { } other)
            throw Error(other, "is not part of this model");
    }

    private byte[] Bytes(string name, SafetensorsDType type, long[] shape)
    {
        Check(name, type, shape);
        return file.Bytes(name).ToArray();
    }

    private void Check(string name, SafetensorsDType type, long[] shape)
    {
        SafetensorsEntry entry = file.Entry(name);
        if (entry.DType != type || !entry.Shape.AsSpan().SequenceEqual(shape))
        {
            throw Error(name, $"is {entry.DType} [{string.Join(", ", entry.Shape)}], the configuration calls for "
                + $"{type} [{string.Join(", ", shape)}]");
        }
        _read.Add(name);
    }

    private ModelFileException Error(string name, string problem)
        => new(file.Path, $"the tensor {name}: {problem}", file.Contains(name) ? file.Entry(name).FileOffset : null);
}
