using System.Text;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Threading;

namespace Cleave.Benchmarks.Limits;

/// <summary>Products with quantized weights: one row of x reads weights from memory, many rows compute.</summary>
internal static class QuantizedTable
{
    private const long FromMemory = 96_000_000; // weights in all copies: several times what any cache holds

    private static readonly (int M, int Rows, int Columns)[] Shapes =
        [(1, 1536, 576), (1, 5632, 2048), (1, 49152, 576), (8, 1536, 576), (8, 5632, 2048), (512, 1536, 576), (512, 5632, 2048)];

    private static readonly BlockFormat[] Formats = Enum.GetValues<BlockFormat>();

    public static void Append(StringBuilder text, int runs, double memoryLimit)
    {
        text.AppendLine("| x(M, C) · W(R, C)ᵀ | us | Gop/s | weights, GB/s | % of the memory limit |").AppendLine("|---|---:|---:|---:|---:|");
        foreach (BlockFormat format in Formats)
        {
            foreach ((int m, int rows, int columns) in Shapes.Where(s => s.Columns % BlockFormats.Elements(format) == 0))
            {
                float[] w = RandomFloats.Of(rows * columns), x = RandomFloats.Of(m * columns), y = new float[m * rows];
                var copies = new QuantizedMatrix[m > 8 ? 1 : Math.Max(1, (int)(FromMemory / ((long)rows * columns)))];
                for (int i = 0; i < copies.Length; i++)
                    copies[i] = QuantizedMatrix.Quantize(format, w, rows, columns);
                double limit = Math.Max(memoryLimit, Machine.MemoryRead(ThreadTeam.Shared, 5));
                double seconds = Timing.Median(Math.Max(5, runs / 3), () =>
                {
                    foreach (QuantizedMatrix each in copies)
                        each.MultiplyTransposed(x, m, y);
                }) / copies.Length;
                double bytes = copies[0].Bytes / seconds / 1e9;
                text.AppendLine($"| {format} ({m}, {columns}) · ({rows}, {columns})ᵀ | {seconds * 1e6:f1} | {2.0 * m * rows * columns / seconds / 1e9:f0} | {bytes:f1} | "
                    + $"{(m == 1 ? $"{100 * bytes / limit:f0}" : "")} |");
                foreach (QuantizedMatrix each in copies)
                    each.Dispose();
            }
        }
        text.AppendLine();
    }
}
