using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// How differently two models relate the tokens of a sequence to each other (Wang et al., 2021, MiniLMv2): in each of
    /// <paramref name="heads"/> slices of the columns, with softmax(a·aᵀ/√d) as the relation of rows a (T, d), the mean over rows and heads of
    /// KL(relation of y ‖ relation of x), times <paramref name="weight"/>; y is given, not learnt. A loss.
    /// </summary>
    /// <param name="x">(N, C), C a multiple of the heads.</param>
    /// <param name="y">(N, D), D a multiple of the heads; it may be wider or narrower than x.</param>
    /// <param name="offsets">Sequence b is rows offsets[b] … offsets[b+1]−1.</param>
    /// <param name="causal">Whether a row is related to itself and the rows before it alone.</param>
    /// <returns>The mean, without the weight, in nats.</returns>
    /// <exception cref="ArgumentException">Rows or heads do not fit.</exception>
    public static double RelationDivergence(Tape tape, Tensor x, Tensor y, ReadOnlySpan<int> offsets, int heads, bool causal, float weight = 1)
    {
        Check.Same("RelationDivergence: rows of x and y", x.Rows, y.Rows);
        Check.Same("RelationDivergence: rows of x and last offset", x.Rows, offsets[^1]);
        Check.That(heads > 0 && x.Columns % heads == 0 && y.Columns % heads == 0, "RelationDivergence: columns must be multiples of the heads");
        int longest = 0;
        for (int s = 0; s + 1 < offsets.Length; s++)
            longest = Math.Max(longest, offsets[s + 1] - offsets[s]);
        Tensor student = tape.New(longest, longest), teacher = tape.New(longest, longest), gradient = tape.New(x.Rows, x.Columns);
        float scale = weight / ((float)x.Rows * heads);
        double sum = 0;
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            (int first, int rows) = (offsets[s], offsets[s + 1] - offsets[s]);
            for (int head = 0; head < heads; head++)
            {
                Scores(x, first, rows, heads, head, student.Data);
                Scores(y, first, rows, heads, head, teacher.Data);
                for (int r = 0; r < rows; r++)
                    sum += RowDivergence(student.Data.Slice(r * rows, rows), teacher.Data.Slice(r * rows, rows), causal ? r + 1 : rows, scale);
                ScoresBackward(x, first, rows, heads, head, student.Data, gradient.Data);
            }
        }
        RecordLoss(tape, x, gradient);
        return sum / ((double)x.Rows * heads);
    }

    /// <summary>a·aᵀ/√d of a sequence's slice a (T, d).</summary>
    private static void Scores(Tensor x, int first, int rows, int heads, int head, Span<float> scores)
    {
        int d = x.Columns / heads;
        ReadOnlySpan<float> a = x.Data[(first * x.Columns + head * d)..];
        MatMul.Multiply(a, x.Columns, false, a, x.Columns, true, scores, rows, rows, rows, d);
        VectorMath.Scale(scores[..(rows * rows)], 1 / MathF.Sqrt(d));
    }

    /// <summary>da = (g + gᵀ)·a/√d from the scores' gradient g (T, T).</summary>
    private static void ScoresBackward(Tensor x, int first, int rows, int heads, int head, Span<float> g, Span<float> gradient)
    {
        int d = x.Columns / heads, start = first * x.Columns + head * d;
        VectorMath.Scale(g[..(rows * rows)], 1 / MathF.Sqrt(d));
        MatMul.Multiply(g, rows, false, x.Data[start..], x.Columns, false, gradient[start..], x.Columns, rows, d, rows);
        MatMul.Multiply(g, rows, true, x.Data[start..], x.Columns, false, gradient[start..], x.Columns, rows, d, rows, accumulate: true);
    }

    /// <summary>KL(softmax(t) ‖ softmax(s)) of the first elements; s becomes scale · (softmax(s) − softmax(t)), zeros behind them.</summary>
    private static double RowDivergence(Span<float> s, Span<float> t, int seen, float scale)
    {
        s[seen..].Clear();
        s = s[..seen];
        t = t[..seen];
        double logS = LogSum(s), logT = LogSum(t), divergence = logS - logT;
        for (int i = 0; i < seen; i++)
        {
            double p = Math.Exp(t[i] - logT);
            divergence += p * ((double)t[i] - s[i]);
            s[i] = (float)(scale * (Math.Exp(s[i] - logS) - p));
        }
        return Math.Max(0, divergence); // rounding may leave a little less than there can be

        static double LogSum(ReadOnlySpan<float> x)
        {
            double max = VectorMath.Max(x), sum = 0;
            foreach (float z in x)
                sum += Math.Exp(z - max);
            return max + Math.Log(sum);
        }
    }
}
