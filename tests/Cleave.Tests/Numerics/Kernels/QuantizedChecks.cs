using System.Runtime.InteropServices;
using Cleave.Numerics.Quantized;

namespace Cleave.Tests.Numerics.Kernels;

/// <summary>Quantized matrices of any format, their bytes, and their products beside plain sums.</summary>
internal static class QuantizedChecks
{
    /// <summary>The blocks of a matrix, row by row.</summary>
    public static byte[] Blocks(QuantizedMatrix matrix)
    {
        var file = new byte[matrix.Bytes];
        int rowBytes = QuantizedMatrix.RowBytes(matrix.Format, matrix.Columns);
        for (int r = 0; r < matrix.Rows; r++)
            matrix.CopyRow(r, file.AsSpan(r * rowBytes, rowBytes));
        return file;
    }

    /// <summary>The matrix of some blocks.</summary>
    public static QuantizedMatrix Pack(BlockFormat format, int rows, int columns, byte[] file) =>
        QuantizedMatrix.Pack(format, rows, columns, (row, count, blocks) => file.AsSpan(row * (blocks.Length / count), blocks.Length).CopyTo(blocks));

    /// <summary>Numbers and the blocks that llama.cpp makes of them (ggml-quants in the shared data).</summary>
    public static (float[] Input, byte[] Blocks) LlamaCpp(BlockFormat format, int columns)
    {
        string name = Path.Combine(Shared.Data("ggml-quants"), $"{format.ToString().ToLowerInvariant()}_{columns}_noim");
        return (MemoryMarshal.Cast<byte, float>(File.ReadAllBytes($"{name}_input.bin")).ToArray(), File.ReadAllBytes($"{name}_expected.bin"));
    }

    /// <summary>x·Wᵀ beside sums in double precision of the weights and of x as it is rounded, with every instruction set and number of threads.</summary>
    /// <param name="make">Makes the matrix: how it is packed may depend on the set.</param>
    /// <param name="cancels">Terms may cancel: a sum may be off by a part of what was added up.</param>
    public static void Product(Func<QuantizedMatrix> make, float[] x, int m, bool cancels)
    {
        QuantizedMatrix matrix = make();
        int rows = matrix.Rows, columns = matrix.Columns;
        float[] weights = new float[rows * columns];
        matrix.Dequantize(weights);
        double[] activations = new double[x.Length], expected = new double[m * rows], size = new double[m * rows];
        for (int b = 0; b < x.Length / 32; b++)
        {
            float max = x[(b * 32)..(b * 32 + 32)].Max(MathF.Abs);
            for (int i = b * 32; i < b * 32 + 32; i++)
                activations[i] = MathF.Round(x[i] * (127 / max)) * (double)(max / 127);
        }
        for (int i = 0; i < m; i++)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int c = 0; c < columns; c++)
                {
                    double product = activations[i * columns + c] * weights[r * columns + c];
                    expected[i * rows + r] += product;
                    size[i * rows + r] += Math.Abs(product);
                }
            }
        }
        Variants.Each(where =>
        {
            var y = new float[m * rows];
            make().MultiplyTransposed(x, m, y);
            if (!cancels)
                Reference.Close(expected, y, Bounds.Quantized, $"{where}{matrix.Format} ({rows},{columns}) m {m} ");
            for (int i = 0; i < y.Length; i++)
                Assert.True(Math.Abs(y[i] - expected[i]) <= Bounds.Quantized * size[i] + 1e-6, $"{where}{matrix.Format} ({rows},{columns}) m {m} [{i}]: {y[i]}, expected {expected[i]}");
        });
    }
}
