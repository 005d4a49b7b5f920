using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Cross-entropy of rows of logits against classes or distributions.</summary>
public static unsafe partial class CrossEntropy
{
    private const int Block = 1024; // elements summed in single precision before they go to a double

    /// <summary>−log softmax(logits)[target].</summary>
    /// <param name="logits">(V)</param>
    public static float Loss(ReadOnlySpan<float> logits, int target)
    {
        CheckTarget(logits.Length, target);
        fixed (float* x = logits)
        {
            var kernel = new LossKernel { X = x, Length = logits.Length, Target = target };
            Dispatch.Run(ref kernel, 1, threaded: false);
            return kernel.Result;
        }
    }

    private struct LossKernel : IKernel
    {
        public float* X;
        public int Length, Target;
        public float Result;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            float* unused = stackalloc float[Block];
            float max = LaneReduce.Max<TLanes>(X, Length);
            double sum = 0;
            for (int i = 0; i < Length; i += Block)
                sum += LaneReduce.ExpSum<TLanes>(X + i, unused, Math.Min(Block, Length - i), 1, max);
            Result = (float)(Math.Log(sum) - (X[Target] - max));
        }
    }

    /// <summary>
    /// The loss against q = (1 − s) · [target] + s / V with s = <paramref name="labelSmoothing"/>; the logits are
    /// replaced by gradScale · (softmax(logits) − q).
    /// </summary>
    /// <param name="logits">(V): in the logits, out their gradient.</param>
    /// <param name="labelSmoothing">From 0 to 1.</param>
    /// <returns>−Σ q · log softmax(logits), not scaled.</returns>
    public static float ForwardBackward(Span<float> logits, int target, float labelSmoothing, float gradScale)
    {
        CheckTarget(logits.Length, target);
        CheckSmoothing(labelSmoothing);
        float loss;
        fixed (float* x = logits)
        {
            var kernel = new RowsKernel
            {
                X = x,
                Targets = &target,
                Losses = &loss,
                Columns = logits.Length,
                Smoothing = labelSmoothing,
                GradScale = gradScale,
                Blocks = new RowBlocks(1, logits.Length),
            };
            Dispatch.Run(ref kernel, 1, threaded: false);
        }
        return loss;
    }

    /// <summary><see cref="ForwardBackward"/> for every row of a batch, on the thread team.</summary>
    /// <param name="logits">(rows, columns): in the logits, out their gradient.</param>
    /// <param name="targets">(rows): a class, or a negative number for a row that does not count: its loss and gradient are 0.</param>
    /// <param name="losses">(rows)</param>
    public static void ForwardBackwardRows(Span<float> logits, ReadOnlySpan<int> targets, int columns, float labelSmoothing, float gradScale,
        Span<float> losses)
    {
        Guard.Length(logits.Length, (long)targets.Length * columns, nameof(logits));
        Guard.Length(losses.Length, targets.Length, nameof(losses));
        CheckSmoothing(labelSmoothing);
        foreach (int target in targets)
        {
            if (target >= 0)
                CheckTarget(columns, target);
        }
        fixed (float* x = logits, pl = losses)
        fixed (int* pt = targets)
        {
            var blocks = new RowBlocks(targets.Length, columns);
            var kernel = new RowsKernel
            {
                X = x,
                Targets = pt,
                Losses = pl,
                Columns = columns,
                Smoothing = labelSmoothing,
                GradScale = gradScale,
                Blocks = blocks,
            };
            Dispatch.Run(ref kernel, blocks.Count, blocks.Threaded);
        }
    }

    private struct RowsKernel : IKernel
    {
        public float* X, Losses;
        public int* Targets;
        public int Columns;
        public float Smoothing, GradScale;
        public RowBlocks Blocks;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
                Losses[r] = Row<TLanes>(X + (nint)r * Columns, Targets[r]);
        }

        private readonly float Row<TLanes>(float* x, int target) where TLanes : struct, ILanes<TLanes>
        {
            if (target < 0)
            {
                new Span<float>(x, Columns).Clear();
                return 0;
            }
            float max = LaneReduce.Max<TLanes>(x, Columns), atTarget = x[target] - max, each = Smoothing / Columns;
            double sum = 0, total = 0;
            for (int i = 0; i < Columns; i += Block)
            {
                int count = Math.Min(Block, Columns - i);
                if (Smoothing != 0)
                    total += SumAbove<TLanes>(x + i, count, max);
                sum += LaneReduce.ExpSum<TLanes>(x + i, x + i, count, 1, max);
            }
            Finish<TLanes>(x, Columns, (float)(GradScale / sum), -GradScale * each);
            x[target] -= GradScale * (1 - Smoothing);
            return (float)(Math.Log(sum) - (1 - Smoothing) * atTarget - each * total);
        }
    }

    private static void CheckTarget(int length, int target)
    {
        if ((uint)target >= (uint)length)
            throw new ArgumentException($"target: expected 0 up to {length - 1}, got {target}", nameof(target));
    }

    private static void CheckSmoothing(float labelSmoothing)
    {
        if (!(labelSmoothing is >= 0 and <= 1))
            throw new ArgumentException($"labelSmoothing: expected 0 to 1, got {labelSmoothing}", nameof(labelSmoothing));
    }
}
