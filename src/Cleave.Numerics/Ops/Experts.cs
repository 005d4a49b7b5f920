using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

/// <summary>What one expert made of the tokens sent to it.</summary>
/// <param name="Rows">(R, C)</param>
/// <param name="Cells">For each row its place in the (N, K) weights: token · K + choice, ascending.</param>
public readonly record struct ExpertPart(Tensor Rows, int[] Cells);

public static partial class Op
{
    /// <summary>
    /// Each row's K largest of softmax(logits): logits (N, E), y (N, K), with their columns in <paramref name="chosen"/>
    /// (N·K), the largest first, of equals the lower column. No gradient flows through the choice itself.
    /// </summary>
    /// <param name="normalize">Whether a row's K are made to sum to 1.</param>
    public static Tensor Route(Tape tape, Tensor logits, int k, bool normalize, int[] chosen)
    {
        Check.That(k >= 1 && k <= logits.Columns, "Route: between one and all experts must be chosen");
        Check.Same("Route: places for the choices", chosen.Length, logits.Rows * k);
        Tensor p = tape.Copy(logits.Data, logits.Rows, logits.Columns), y = tape.New(logits.Rows, k, logits.RequiresGradient);
        Softmax.Rows(p.Data, p.Rows, p.Columns);
        for (int n = 0; n < p.Rows; n++)
        {
            Span<float> row = p.Data.Slice(n * p.Columns, p.Columns), to = y.Data.Slice(n * k, k);
            Span<int> columns = chosen.AsSpan(n * k, k);
            float sum = 0;
            for (int i = 0; i < k; i++)
            {
                int best = -1;
                for (int e = 0; e < row.Length; e++)
                {
                    if (!columns[..i].Contains(e) && (best < 0 || row[e] > row[best]))
                        best = e;
                }
                columns[i] = best;
                sum += to[i] = row[best];
            }
            if (normalize)
                VectorMath.Scale(to, 1 / sum);
        }
        if (y.RequiresGradient)
        {
            RouteNode node = tape.Record<RouteNode>(y);
            (node.Logits, node.P, node.Normalize, node.Chosen) = (logits, p, normalize, chosen);
        }
        return y;
    }

    private sealed class RouteNode : Node
    {
        public Tensor Logits = null!;
        public Tensor P = null!;
        public bool Normalize;
        public int[] Chosen = null!;

        public override void Backward()
        {
            Tensor y = Output!;
            int k = y.Columns, experts = P.Columns;
            Span<float> dLogits = Logits.Gradient;
            Span<float> dp = stackalloc float[k];
            for (int n = 0; n < y.Rows; n++)
            {
                ReadOnlySpan<float> dy = y.Gradient.Slice(n * k, k), w = y.Data.Slice(n * k, k), p = P.Data.Slice(n * experts, experts);
                ReadOnlySpan<int> columns = Chosen.AsSpan(n * k, k);
                float sum = 0, shared = 0, along = 0;
                for (int i = 0; i < k; i++)
                    (sum, shared) = (sum + p[columns[i]], shared + dy[i] * w[i]);
                for (int i = 0; i < k; i++)
                {
                    dp[i] = Normalize ? (dy[i] - shared) / sum : dy[i];
                    along += dp[i] * p[columns[i]];
                }
                Span<float> to = dLogits.Slice(n * experts, experts);
                for (int e = 0; e < experts; e++)
                    to[e] -= p[e] * along;
                for (int i = 0; i < k; i++)
                    to[columns[i]] += p[columns[i]] * dp[i];
            }
        }
    }

    /// <summary>y[n] = Σ over the experts of token n of their weight times their row: weights (N, K), y (N, C).</summary>
    public static Tensor CombineExperts(Tape tape, Tensor weights, IReadOnlyList<ExpertPart> parts, int columns)
    {
        bool gradient = weights.RequiresGradient;
        foreach (ExpertPart part in parts)
            gradient |= part.Rows.RequiresGradient;
        int k = weights.Columns;
        Tensor y = tape.New(weights.Rows, columns, gradient);
        y.Data.Clear();
        foreach ((Tensor rows, int[] cells) in parts)
        {
            Check.Same("CombineExperts: rows and their cells", rows.Rows, cells.Length);
            for (int r = 0; r < cells.Length; r++)
                VectorMath.AddScaled(y.Data.Slice(cells[r] / k * columns, columns), rows.Data.Slice(r * columns, columns), weights.Data[cells[r]]);
        }
        if (y.RequiresGradient)
        {
            CombineExpertsNode node = tape.Record<CombineExpertsNode>(y);
            (node.Weights, node.Parts) = (weights, parts);
        }
        return y;
    }

    private sealed class CombineExpertsNode : Node
    {
        public Tensor Weights = null!;
        public IReadOnlyList<ExpertPart> Parts = [];

        public override void Backward()
        {
            int k = Weights.Columns, c = Output!.Columns;
            ReadOnlySpan<float> dy = Output.Gradient;
            foreach ((Tensor rows, int[] cells) in Parts)
            {
                for (int r = 0; r < cells.Length; r++)
                {
                    ReadOnlySpan<float> d = dy.Slice(cells[r] / k * c, c);
                    if (rows.RequiresGradient)
                        VectorMath.AddScaled(rows.Gradient.Slice(r * c, c), d, Weights.Data[cells[r]]);
                    if (Weights.RequiresGradient)
                        Weights.Gradient[cells[r]] += VectorMath.Dot(d, rows.Data.Slice(r * c, c));
                }
            }
        }
    }

    /// <summary>y = σ(gate) · x, row by row: x (N, C), gate (N, 1).</summary>
    public static Tensor SigmoidGate(Tape tape, Tensor x, Tensor gate)
    {
        Check.Same("SigmoidGate: rows of x and elements of gate", x.Rows, gate.Length);
        Tensor y = tape.Copy(x.Data, x.Rows, x.Columns, x.RequiresGradient || gate.RequiresGradient);
        for (int n = 0; n < x.Rows; n++)
            VectorMath.Scale(y.Data.Slice(n * x.Columns, x.Columns), Sigmoid(gate.Data[n]));
        if (y.RequiresGradient)
        {
            SigmoidGateNode node = tape.Record<SigmoidGateNode>(y);
            (node.X, node.Gate) = (x, gate);
        }
        return y;
    }

    private static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));

    private sealed class SigmoidGateNode : Node
    {
        public Tensor X = null!;
        public Tensor Gate = null!;

        public override void Backward()
        {
            int c = X.Columns;
            for (int n = 0; n < X.Rows; n++)
            {
                ReadOnlySpan<float> dy = Output!.Gradient.Slice(n * c, c);
                float s = Sigmoid(Gate.Data[n]);
                if (X.RequiresGradient)
                    VectorMath.AddScaled(X.Gradient.Slice(n * c, c), dy, s);
                if (Gate.RequiresGradient)
                    Gate.Gradient[n] += s * (1 - s) * VectorMath.Dot(dy, X.Data.Slice(n * c, c));
            }
        }
    }
}
