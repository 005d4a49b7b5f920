using System.Runtime.InteropServices;
using Cleave.Formats.Gguf;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>Takes weights out of a GGUF file, checking names, shapes, types and values; matrices as they are stored.</summary>
/// <param name="place">Where a weight lies in the file.</param>
internal sealed class GgufWeights(GgufFile file, Func<string, StoredWeight> place)
{
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>A float32 tensor of (rows, columns) from a tensor of plain floats.</summary>
    public Tensor Dense(string name, int rows, int columns)
    {
        StoredWeight stored = place(name);
        GgufEntry entry = Entry(stored, rows, columns);
        if (!entry.Type.IsPlain())
        {
            throw new ModelFileException(file.Path,
                $"the tensor {entry.Name} is {entry.Type}; F32, F16, BF16 and, for matrices, {string.Join(", ", Enum.GetNames<BlockFormat>())} can be read", entry.FileOffset);
        }
        Tensor tensor = Tensor.Parameter(rows, columns, requiresGradient: false);
        if (IsVector(stored, rows))
        {
            var all = new float[entry.Shape[^1]];
            ReadFloats(entry, 0, all);
            for (int c = 0; c < columns; c++)
                tensor.Data[c] = all[stored.Row(c)];
        }
        else
        {
            for (int r = 0; r < rows; r++)
                ReadFloats(entry, stored.Row(r), tensor.Data.Slice(r * columns, columns));
        }
        if (tensor.Data.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} holds a value that is not finite; the file is damaged or the training diverged", entry.FileOffset);
        return tensor;
    }

    public Linear Matrix(string name, int rows, int columns)
    {
        StoredWeight stored = place(name);
        GgufEntry entry = Entry(stored, rows, columns);
        BlockFormat? format = entry.Type.Blocks();
        HalfFormat? half = entry.Type switch
        {
            GgufTensorType.F16 => HalfFormat.Float16,
            GgufTensorType.BF16 => HalfFormat.BFloat16,
            _ => null,
        };
        if (format is null && half is null)
            return new DenseLinear(Dense(name, rows, columns));
        int together = Math.Max(1, stored.Interleaved);
        try
        {
            return format is { } blocks
                ? new QuantizedLinear(QuantizedMatrix.Pack(blocks, rows, columns, (row, count, bytes) => ReadRows(entry, stored, row, count, bytes), together))
                : new HalfLinear(HalfMatrix.Load(half!.Value, rows, columns, (row, count, bytes) => ReadRows(entry, stored, row, count, bytes), together));
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} cannot be used: {e.Message}", entry.FileOffset);
        }
    }

    /// <summary>Refuses a file with tensors that nothing has asked for: passing them over would change what the model computes.</summary>
    /// <param name="known">Tensors that are no weights.</param>
    public void RefuseOthers(params string[] known)
    {
        if (file.Entries.FirstOrDefault(e => !_used.Contains(e.Name) && !known.Contains(e.Name)) is { } other)
            throw new ModelFileException(file.Path, $"the tensor {other.Name} has no place in a model of this family as it is supported", other.FileOffset);
    }

    private GgufEntry Entry(StoredWeight stored, int rows, int columns)
    {
        GgufEntry entry = file.Entry(stored.Name);
        int outer = stored.FusedRows > 0 ? stored.FusedRows : rows, inner = columns;
        if (IsVector(stored, rows))
            (outer, inner) = (1, stored.FusedRows > 0 ? stored.FusedRows : columns);
        if (entry.Shape[^1] != inner || entry.Elements != (long)outer * inner)
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} is ({string.Join(", ", entry.Shape)}), but the keys ask for ({outer}, {inner})", entry.FileOffset);
        _used.Add(stored.Name);
        return entry;
    }

    // A bias: its columns are the rows of the matrix that it belongs to.
    private static bool IsVector(StoredWeight stored, int rows) => rows == 1 && !stored.IsPlain && stored.Stacked == 0;

    private void ReadFloats(GgufEntry entry, long row, Span<float> destination)
    {
        if (entry.Type == GgufTensorType.F32)
        {
            file.ReadBytes(entry, row * destination.Length * sizeof(float), MemoryMarshal.AsBytes(destination));
            return;
        }
        var halves = new ushort[destination.Length];
        file.ReadBytes(entry, row * destination.Length * sizeof(ushort), MemoryMarshal.AsBytes(halves.AsSpan()));
        if (entry.Type == GgufTensorType.F16)
            Conversion.HalfToFloat(MemoryMarshal.Cast<ushort, Half>(halves), destination);
        else
            Conversion.BFloat16ToFloat(halves, destination);
    }

    // Rows of a head come in one call, so that their order can be changed within it.
    private void ReadRows(GgufEntry entry, StoredWeight stored, int row, int count, Span<byte> destination)
    {
        int rowBytes = destination.Length / count;
        if (stored.Interleaved == 0)
        {
            file.ReadBytes(entry, (long)stored.Row(row) * rowBytes, destination);
            return;
        }
        var bytes = new byte[destination.Length];
        file.ReadBytes(entry, (long)row * rowBytes, bytes);
        for (int r = 0; r < count; r++)
            bytes.AsSpan((stored.Row(row + r) - row) * rowBytes, rowBytes).CopyTo(destination[(r * rowBytes)..]);
    }
}
