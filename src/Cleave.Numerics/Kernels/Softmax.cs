using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>softmax(x)ᵢ = exp(xᵢ − max x) / Σⱼ exp(xⱼ − max x).</summary>
public static unsafe class Softmax
{
    /// <summary>Replaces each row of x (rows, columns) by its softmax. A row of −∞ only gives NaN.</summary>
    public static void Rows(Span<float> x, int rows, int columns)
    {
        Guard.NotNegative(rows, nameof(rows));
        Guard.NotNegative(columns, nameof(columns));
        Guard.Length(x.Length, (long)rows * columns, nameof(x));
        if (x.Length == 0)
            return;
        fixed (float* px = x)
        {
            var blocks = new RowBlocks(rows, columns);
            var kernel = new Kernel { X = px, Columns = columns, Blocks = blocks };
            Dispatch.Run(ref kernel, blocks.Count, blocks.Threaded);
        }
    }

    private struct Kernel : IKernel
    {
        public float* X;
        public int Columns;
        public RowBlocks Blocks;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
            {
                float* row = X + (nint)r * Columns;
                float max = LaneReduce.Max<TLanes>(row, Columns);
                float sum = LaneReduce.ExpSum<TLanes>(row, row, Columns, 1, max);
                LaneReduce.Scale<TLanes>(row, Columns, 1 / sum);
            }
        }
    }
}
