using Cleave.Models.Heads;
using Cleave.Numerics.Kernels;

namespace Cleave.Training.FineTuning;

/// <summary>
/// What a teacher says about one item: for each supervised row its logits over all classes, or for a vocabulary the
/// highest few of them. Kept as logits, so that one pass of the teacher serves every temperature.
/// </summary>
public sealed class TeacherTargets
{
    private readonly int[]? _classes;
    private readonly float[] _logits;

    /// <param name="logits">(rows, classes)</param>
    public TeacherTargets(float[] logits, int classes)
    {
        ArgumentNullException.ThrowIfNull(logits);
        (_logits, Width) = (logits, classes);
    }

    /// <param name="classes">(rows, width): which classes the logits are of.</param>
    /// <param name="logits">(rows, width)</param>
    public TeacherTargets(int[] classes, float[] logits, int width)
    {
        ArgumentNullException.ThrowIfNull(logits);
        (_classes, _logits, Width) = (classes, logits, width);
    }

    /// <summary>Logits a row.</summary>
    public int Width { get; }

    public int Rows => _logits.Length / Width;

    internal ReadOnlySpan<float> AllLogits => _logits;

    public ReadOnlySpan<float> Logits(int row) => _logits.AsSpan(row * Width, Width);

    /// <summary>Which classes a row's logits are of; empty for all, in order.</summary>
    public ReadOnlySpan<int> Classes(int row) => _classes is null ? default : _classes.AsSpan(row * Width, Width);

    /// <summary>softmax(logits / T) of a row spread over all classes; what a truncated teacher left out is 0.</summary>
    public void Probabilities(int row, float temperature, Span<float> destination)
    {
        ReadOnlySpan<float> logits = Logits(row);
        float max = VectorMath.Max(logits);
        Span<float> exp = Width <= 256 ? stackalloc float[Width] : new float[Width];
        double sum = 0;
        for (int i = 0; i < Width; i++)
            sum += exp[i] = MathF.Exp((logits[i] - max) / temperature);
        if (_classes is not null)
            destination.Clear();
        for (int i = 0; i < Width; i++)
            destination[_classes is null ? i : _classes[row * Width + i]] = (float)(exp[i] / sum);
    }

    /// <summary>The likeliest class of each row, of targets that <see cref="Top"/> made.</summary>
    public IEnumerable<int> Likeliest => Enumerable.Range(0, Rows).Select(row => _classes![row * Width]);

    /// <summary>The same for a student with other classes, of which there are at least <see cref="Width"/>; what it does not have is left out.</summary>
    /// <param name="renumbered">New numbers by the classes' old ones, the likeliest of each row among them.</param>
    public TeacherTargets Renumbered(IReadOnlyDictionary<int, int> renumbered)
    {
        ArgumentNullException.ThrowIfNull(renumbered);
        if (_classes is null)
            throw new InvalidOperationException("these targets are of all classes");
        var classes = new int[_classes.Length];
        float[] logits = [.. _logits];
        for (int row = 0; row < Rows; row++)
        {
            Span<int> made = classes.AsSpan(row * Width, Width);
            for (int i = 0; i < Width; i++)
                made[i] = renumbered.TryGetValue(_classes[row * Width + i], out int place) ? place : -1;
            int free = 0;
            for (int i = 0; i < Width; i++)
            {
                if (made[i] >= 0)
                    continue;
                while (made.Contains(free))
                    free++;
                (made[i], logits[row * Width + i]) = (free, float.NegativeInfinity);
            }
        }
        return new TeacherTargets(classes, logits, Width);
    }

    /// <summary>Keeps the highest <paramref name="width"/> logits of each row of (rows, classes).</summary>
    public static TeacherTargets Top(ReadOnlySpan<float> logits, int rows, int classes, int width)
    {
        width = Math.Min(width, classes);
        var kept = new int[rows * width];
        var values = new float[rows * width];
        var queue = new PriorityQueue<int, float>(width + 1);
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = logits.Slice(r * classes, classes);
            queue.Clear();
            for (int c = 0; c < classes; c++)
            {
                if (queue.Count < width)
                    queue.Enqueue(c, row[c]);
                else if (row[c] > row[queue.Peek()])
                    queue.DequeueEnqueue(c, row[c]);
            }
            for (int i = width - 1; i >= 0; i--)
            {
                kept[r * width + i] = queue.Dequeue();
                values[r * width + i] = row[kept[r * width + i]];
            }
        }
        return new TeacherTargets(kept, values, width);
    }
}

/// <summary>A teacher's targets for a task's training items.</summary>
/// <param name="Targets">By <see cref="TaskItem.Example"/>.</param>
public sealed record TaskLesson(IReadOnlyList<TeacherTargets> Targets, DistillationOptions Options)
{
    /// <summary>The teacher's head, where the student's begins as it; else null.</summary>
    public TaskHead? Head { get; init; }
}
