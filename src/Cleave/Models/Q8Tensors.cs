using System.Runtime.InteropServices;
using Cleave.Numerics.Quantized;

namespace Cleave.Models;

/// <summary>A Q8_0 matrix as two tensors, the values and their scales, as compressed-tensors stores it.</summary>
internal static class Q8Tensors
{
    public const string ScaleSuffix = "_scale";

    /// <summary>Values (rows, columns) and scales (rows, columns / 32).</summary>
    public static (sbyte[] Values, Half[] Scales) Split(QuantizedMatrix matrix)
    {
        var values = new sbyte[(long)matrix.Rows * matrix.Columns];
        var scales = new Half[values.Length / QuantizedMatrix.BlockSize];
        var row = new byte[QuantizedMatrix.RowBytes(BlockFormat.Q8_0, matrix.Columns)];
        for (int r = 0, b = 0; r < matrix.Rows; r++)
        {
            matrix.CopyRow(r, row);
            for (Span<byte> rest = row; !rest.IsEmpty; rest = rest[(sizeof(ushort) + QuantizedMatrix.BlockSize)..], b++)
            {
                scales[b] = MemoryMarshal.Read<Half>(rest);
                MemoryMarshal.Cast<byte, sbyte>(rest.Slice(sizeof(ushort), QuantizedMatrix.BlockSize)).CopyTo(values.AsSpan(b * QuantizedMatrix.BlockSize));
            }
        }
        return (values, scales);
    }

    /// <exception cref="ArgumentException">A scale is not finite.</exception>
    public static QuantizedMatrix Join(sbyte[] values, Half[] scales, int rows, int columns)
    {
        const int Size = sizeof(ushort) + QuantizedMatrix.BlockSize;
        return QuantizedMatrix.Pack(BlockFormat.Q8_0, rows, columns, (row, count, blocks) =>
        {
            int first = row * (columns / QuantizedMatrix.BlockSize);
            for (int b = 0; b < blocks.Length / Size; b++)
            {
                Span<byte> block = blocks.Slice(b * Size, Size);
                MemoryMarshal.Write(block, scales[first + b]);
                MemoryMarshal.AsBytes(values.AsSpan((first + b) * QuantizedMatrix.BlockSize, QuantizedMatrix.BlockSize)).CopyTo(block[sizeof(ushort)..]);
            }
        });
    }
}
