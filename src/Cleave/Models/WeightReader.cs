using System.Runtime.InteropServices;
using Cleave.Formats.Safetensors;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>Takes weights out of a model's safetensors files, checking names, shapes and values.</summary>
/// <param name="place">Where a weight lies in the files.</param>
/// <param name="prefix">What the names of a file of the bare model lack.</param>
internal sealed class WeightReader(SafetensorsSet files, Func<string, StoredWeight> place, string prefix)
{
    /// <summary>A float32 tensor of (rows, columns), from any float type.</summary>
    public Tensor Dense(string name, int rows, int columns)
    {
        StoredWeight stored = Placed(name);
        (int outer, int inner) = CheckShape(stored, stored.Name, rows, columns);
        Tensor tensor = Tensor.Parameter(rows, columns);
        if (stored.IsPlain)
        {
            files.ReadSingle(stored.Name, tensor.Data);
        }
        else
        {
            var all = new float[checked(outer * inner)];
            files.ReadSingle(stored.Name, all);
            Gather<float>(all, stored, rows, columns, tensor.Data);
        }
        foreach (ref float value in tensor.Data)
        {
            if (!float.IsFinite(value))
                throw new ModelFileException(files.FileOf(stored.Name).Path, $"tensor '{stored.Name}' holds a value that is not finite; the file is damaged or the training diverged");
            value += stored.Offset;
        }
        return tensor;
    }

    /// <summary>A matrix: quantized as it is stored, else in sixteen bits if it is stored so and is <paramref name="frozen"/>, else float32.</summary>
    public Linear Matrix(string name, int rows, int columns, bool frozen)
    {
        StoredWeight stored = Placed(name);
        SafetensorsEntry entry = files.Entry(stored.Name);
        if (frozen && entry.DType is SafetensorsDType.BF16 or SafetensorsDType.F16)
            return Half(entry, stored, rows, columns);
        if (entry.DType != SafetensorsDType.I8)
            return new DenseLinear(Dense(name, rows, columns));
        string path = files.FileOf(stored.Name).Path, scaleName = stored.Name + Q8Tensors.ScaleSuffix;
        if (columns % QuantizedMatrix.BlockSize != 0)
            throw new ModelFileException(path, $"tensor '{stored.Name}' has {columns} columns, not a multiple of {QuantizedMatrix.BlockSize}");
        int blocks = columns / QuantizedMatrix.BlockSize;
        CheckShape(stored, stored.Name, rows, columns);
        (int outer, int inner) = CheckShape(stored, scaleName, rows, blocks);
        var allScales = new float[checked(outer * inner)];
        files.ReadSingle(scaleName, allScales);
        if (allScales.Any(s => !float.IsFinite(s)))
            throw new ModelFileException(path, $"tensor '{scaleName}' holds a value that is not finite");
        Half[] halves = Array.ConvertAll(allScales, s => (Half)s);
        sbyte[] values = MemoryMarshal.Cast<byte, sbyte>(files.Bytes(stored.Name)).ToArray();
        if (!stored.IsPlain)
        {
            sbyte[] ownValues = new sbyte[checked(rows * columns)];
            var ownScales = new Half[rows * blocks];
            Gather<sbyte>(values, stored, rows, columns, ownValues);
            Gather<Half>(halves, stored, rows, blocks, ownScales);
            (values, halves) = (ownValues, ownScales);
        }
        return new QuantizedLinear(Q8Tensors.Join(values, halves, rows, columns));
    }

    private HalfLinear Half(SafetensorsEntry entry, StoredWeight stored, int rows, int columns)
    {
        CheckShape(stored, stored.Name, rows, columns);
        SafetensorsFile file = files.FileOf(stored.Name);
        ushort[] own = [];
        if (!stored.IsPlain)
        {
            own = new ushort[checked(rows * columns)];
            Gather(MemoryMarshal.Cast<byte, ushort>(file.Bytes(stored.Name)), stored, rows, columns, own);
        }
        try
        {
            return new HalfLinear(HalfMatrix.Load(entry.DType == SafetensorsDType.BF16 ? HalfFormat.BFloat16 : HalfFormat.Float16, rows, columns, (row, count, elements) =>
            {
                if (stored.IsPlain)
                    file.ReadBytes(entry, (long)row * columns * sizeof(ushort), elements);
                else
                    MemoryMarshal.AsBytes(own.AsSpan(row * columns, count * columns)).CopyTo(elements);
            }));
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} cannot be used: {e.Message}", entry.FileOffset);
        }
    }

    private StoredWeight Placed(string name)
    {
        StoredWeight stored = place(name);
        string? found = stored.OtherNames.Prepend(stored.Name).Select(n => Found(files, n, prefix)).FirstOrDefault(n => n is not null);
        return found is null ? stored : stored with { Name = found };
    }

    /// <summary>The name under which the files have a tensor, with the prefix or without; null where they have not.</summary>
    public static string? Found(SafetensorsSet files, string name, string prefix) => files.Contains(name) ? name
        : name.StartsWith(prefix, StringComparison.Ordinal) && files.Contains(name[prefix.Length..]) ? name[prefix.Length..] : null;

    private static void Gather<T>(ReadOnlySpan<T> all, StoredWeight stored, int rows, int columns, Span<T> to)
    {
        int total = stored.FusedRows > 0 ? stored.FusedRows : rows;
        if (rows == 1 && stored.FusedRows > 0) // a bias: its columns are the rows
        {
            for (int c = 0; c < columns; c++)
                to[c] = all[stored.Row(c)];
            return;
        }
        for (int r = 0; r < rows; r++)
        {
            int row = stored.Row(r);
            for (int c = 0; c < columns; c++)
                to[r * columns + c] = stored.Transposed ? all[c * total + row] : all[row * columns + c];
        }
    }

    // The shape in the file; a vector has one dimension there.
    private (int Outer, int Inner) CheckShape(StoredWeight stored, string name, int rows, int columns)
    {
        bool vector = rows == 1 && stored.FusedRows > 0;
        int outer = vector ? 1 : stored.FusedRows > 0 ? stored.FusedRows : rows, inner = vector ? stored.FusedRows : columns;
        if (stored.Transposed)
            (outer, inner) = (inner, outer);
        long[] shape = files.Entry(name).Shape;
        bool fits = shape is [var r, var c] && r == outer && c == inner || outer == 1 && shape is [var only] && only == inner;
        return fits ? (outer, inner)
            : throw new ModelFileException(files.FileOf(name).Path, $"tensor '{name}' is ({string.Join(", ", shape)}), but config.json asks for ({outer}, {inner})");
    }
}
