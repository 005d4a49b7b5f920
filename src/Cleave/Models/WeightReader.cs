using System.Runtime.InteropServices;
using Cleave.Formats.Safetensors;
using Cleave.Models.Blocks;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>Takes weights out of a safetensors file, checking names, shapes and values.</summary>
internal sealed class WeightReader(SafetensorsFile file)
{
    /// <summary>A float32 tensor of (rows, columns), from any float type.</summary>
    public Tensor Dense(string name, int rows, int columns)
    {
        CheckShape(name, rows, columns);
        Tensor tensor = Tensor.Parameter(rows, columns);
        file.ReadSingle(name, tensor.Data);
        foreach (float value in tensor.Data)
        {
            if (!float.IsFinite(value))
                throw new ModelFileException(file.Path, $"tensor '{name}' holds a value that is not finite; the file is damaged or the training diverged");
        }
        return tensor;
    }

    /// <summary>A matrix: quantized as it is stored, else in sixteen bits if it is stored so and is <paramref name="frozen"/>, else float32.</summary>
    public Linear Matrix(string name, int rows, int columns, bool frozen)
    {
        SafetensorsEntry entry = file.Entry(name);
        if (frozen && entry.DType is SafetensorsDType.BF16 or SafetensorsDType.F16)
            return Half(entry, rows, columns);
        if (entry.DType != SafetensorsDType.I8)
            return new DenseLinear(Dense(name, rows, columns));
        if (columns % QuantizedMatrix.BlockSize != 0)
            throw new ModelFileException(file.Path, $"tensor '{name}' has {columns} columns, not a multiple of {QuantizedMatrix.BlockSize}");
        CheckShape(name, rows, columns);
        CheckShape(name + Q8Tensors.ScaleSuffix, rows, columns / QuantizedMatrix.BlockSize);
        var scales = new float[rows * (columns / QuantizedMatrix.BlockSize)];
        file.ReadSingle(name + Q8Tensors.ScaleSuffix, scales);
        if (scales.Any(s => !float.IsFinite(s)))
            throw new ModelFileException(file.Path, $"tensor '{name}{Q8Tensors.ScaleSuffix}' holds a value that is not finite");
        return new QuantizedLinear(Q8Tensors.Join(MemoryMarshal.Cast<byte, sbyte>(file.Bytes(name)).ToArray(), Array.ConvertAll(scales, s => (Half)s), rows, columns));
    }

    private HalfLinear Half(SafetensorsEntry entry, int rows, int columns)
    {
        CheckShape(entry.Name, rows, columns);
        try
        {
            return new HalfLinear(HalfMatrix.Load(entry.DType == SafetensorsDType.BF16 ? HalfFormat.BFloat16 : HalfFormat.Float16, rows, columns,
                (row, _, elements) => file.ReadBytes(entry, (long)row * columns * sizeof(ushort), elements)));
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} cannot be used: {e.Message}", entry.FileOffset);
        }
    }

    private void CheckShape(string name, int rows, int columns)
    {
        long[] shape = file.Entry(name).Shape;
        bool fits = shape is [var r, var c] && r == rows && c == columns || rows == 1 && shape is [var only] && only == columns;
        if (!fits)
            throw new ModelFileException(file.Path, $"tensor '{name}' is ({string.Join(", ", shape)}), but config.json asks for ({rows}, {columns})");
    }
}
