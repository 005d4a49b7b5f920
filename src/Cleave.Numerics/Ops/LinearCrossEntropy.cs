using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    // 128 rows of logits: at a vocabulary of 8192 that is 4 MiB, in the last-level cache while it is used.
    private const int ChunkRows = 128;

    /// <summary>
    /// CrossEntropy(x·Wᵀ, targets) without ever holding all logits: chunks of rows are projected, turned into their
    /// gradient in place, and multiplied back at once. x (N, C), weight (V, C). A target below 0 is skipped. A loss,
    /// scaled by <paramref name="weight"/>; returns the mean negative log-likelihood in nats.
    /// </summary>
    /// <param name="teacher">Optional soft targets, filled in by the row (see <see cref="ISoftTargets"/>).</param>
    /// <param name="softCap">The logits z become softCap·tanh(z / softCap); 0 for none.</param>
    /// <param name="bias">b (1, V), added to x·Wᵀ, or null.</param>
    public static double LinearCrossEntropy(Tape tape, Tensor x, Tensor projection, ReadOnlySpan<int> targets,
        float smoothing = 0, float weight = 1, ISoftTargets? teacher = null, float softCap = 0, Tensor? bias = null)
    {
        Check.Same("LinearCrossEntropy: columns of x and projection", x.Columns, projection.Columns);
        Check.Same("LinearCrossEntropy: rows of x and targets", x.Rows, targets.Length);
        if (bias is not null)
            Check.Same("LinearCrossEntropy: rows of projection and length of bias", projection.Rows, bias.Length);
        int counted = 0;
        foreach (int t in targets)
            counted += t >= 0 ? 1 : 0;
        if (counted == 0)
            return 0;
        bool train = tape.Records && (x.RequiresGradient || projection.RequiresGradient || bias is { RequiresGradient: true });
        Tensor logits = tape.New(Math.Min(ChunkRows, x.Rows), projection.Rows);
        Tensor? capped = train && softCap > 0 ? tape.New(logits.Rows, logits.Columns) : null;
        Tensor? dx = train && x.RequiresGradient ? tape.New(x.Rows, x.Columns) : null;
        double sum = 0;
        for (int start = 0; start < x.Rows; start += ChunkRows)
        {
            int rows = Math.Min(ChunkRows, x.Rows - start);
            ReadOnlySpan<float> part = x.Data.Slice(start * x.Columns, rows * x.Columns);
            MatMul.Multiply(part, x.Columns, false, projection.Data, x.Columns, true, logits.Data, projection.Rows,
                rows, projection.Rows, x.Columns);
            Span<float> chunk = logits.Data[..(rows * projection.Rows)];
            for (int r = 0; r < rows && bias is not null; r++)
                VectorMath.AddInPlace(chunk.Slice(r * bias.Length, bias.Length), bias.Data);
            if (softCap > 0)
                VectorMath.SoftCap(chunk, softCap);
            if (capped is not null)
                chunk.CopyTo(capped.Data);
            teacher?.Begin(start, rows);
            sum += LossOfChunk(logits, targets.Slice(start, rows), start, smoothing, weight / counted, teacher);
            if (capped is not null)
                VectorMath.SoftCapSlope(chunk, capped.Data[..chunk.Length], softCap);
            if (!train)
                continue;
            for (int r = 0; r < rows && bias is { RequiresGradient: true }; r++)
                VectorMath.AddInPlace(bias.Gradient, chunk.Slice(r * bias.Length, bias.Length));
            if (dx is not null)
            {
                MatMul.Multiply(logits.Data, projection.Rows, false, projection.Data, x.Columns, false,
                    dx.Data.Slice(start * x.Columns, rows * x.Columns), x.Columns, rows, x.Columns, projection.Rows);
            }
            if (projection.RequiresGradient)
            {
                bool fresh = projection.GradientToWrite(out Span<float> dw);
                MatMul.Multiply(logits.Data, projection.Rows, true, part, x.Columns, false, dw, x.Columns,
                    projection.Rows, x.Columns, rows, accumulate: !fresh);
            }
        }
        if (dx is not null)
            RecordLoss(tape, x, dx);
        return sum / counted;
    }

    // Rows are independent, so they are shared among the team; the losses are summed in order.
    private static unsafe double LossOfChunk(Tensor logits, ReadOnlySpan<int> targets, int start, float smoothing, float scale, ISoftTargets? teacher)
    {
        Span<float> losses = stackalloc float[ChunkRows];
        losses = losses[..targets.Length];
        if (teacher is null)
        {
            Kernels.CrossEntropy.ForwardBackwardRows(logits.Data[..(targets.Length * logits.Columns)], targets, logits.Columns, smoothing, scale, losses);
        }
        else
        {
            fixed (int* t = targets)
            fixed (float* l = losses)
            {
                var rows = new SoftRow { Logits = logits, Targets = t, Losses = l, Start = start, Scale = scale, Teacher = teacher };
                ThreadTeam.Current.Run(targets.Length, ref rows);
            }
        }
        double sum = 0;
        foreach (float loss in losses)
            sum += loss;
        return sum;
    }

    private unsafe struct SoftRow : IPart
    {
        public Tensor Logits;
        public int* Targets;
        public float* Losses;
        public int Start;
        public float Scale;
        public ISoftTargets Teacher;

        public readonly void Invoke(int part)
        {
            Span<float> row = Logits.Data.Slice(part * Logits.Columns, Logits.Columns);
            if (Targets[part] >= 0)
            {
                Losses[part] = Teacher.ForwardBackward(row, Start + part, Targets[part], Scale);
                return;
            }
            row.Clear();
            Losses[part] = 0;
        }
    }
}

/// <summary>Turns a row of logits into the gradient of a loss against a teacher's distribution for that row; asked from several threads at once.</summary>
public interface ISoftTargets
{
    /// <summary>Announces the rows that are asked for next, from one thread: a teacher's logits need not be there for all rows at once.</summary>
    void Begin(int row, int rows) { }

    /// <summary>Overwrites <paramref name="logits"/> with the loss's gradient times <paramref name="scale"/>; returns the loss.</summary>
    /// <param name="row">The row's index in the batch.</param>
    float ForwardBackward(Span<float> logits, int row, int target, float scale);
}
