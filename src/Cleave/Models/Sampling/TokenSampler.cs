using Cleave.Numerics;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Sampling;

/// <summary>Chooses a token from a row of logits.</summary>
public sealed class TokenSampler(SamplingOptions options)
{
    private readonly Rng _rng = Rng.For(options.Seed, "sampling");
    private float[] _probabilities = [];
    private int[] _order = [];

    /// <summary>The token, and its probability under the model at temperature 1.</summary>
    public (int Token, float Probability) Next(ReadOnlySpan<float> logits)
    {
        int best = ArgMax(logits);
        if (options.Temperature == 0)
            return (best, Probability(logits, best));
        int token = Draw(logits, logits[best]);
        return (token, Probability(logits, token));
    }

    /// <summary>The place of the largest value, the first of equals; 0 if a value is NaN.</summary>
    public static int ArgMax(ReadOnlySpan<float> values) => Math.Max(0, values.IndexOf(VectorMath.Max(values)));

    private int Draw(ReadOnlySpan<float> logits, float max)
    {
        if (_probabilities.Length < logits.Length)
            (_probabilities, _order) = (new float[logits.Length], new int[logits.Length]);
        Span<float> p = _probabilities.AsSpan(0, logits.Length);
        Span<int> order = _order.AsSpan(0, logits.Length);
        int kept = 0;
        double total = 0;
        // What is e⁻²⁰ times less likely than the best would not be drawn in a lifetime: it need not be sorted.
        for (int i = 0; i < logits.Length; i++)
        {
            double z = (logits[i] - max) / options.Temperature;
            if (z < -20)
                continue;
            p[kept] = (float)Math.Exp(z);
            total += p[kept];
            order[kept++] = i;
        }
        if (options.TopP < 1)
            (kept, total) = Nucleus(p[..kept], order[..kept], total * options.TopP);
        double target = _rng.NextDouble() * total;
        for (int i = 0; i < kept; i++)
        {
            target -= p[i];
            if (target < 0)
                return order[i];
        }
        return order[kept - 1];
    }

    private static (int Kept, double Total) Nucleus(Span<float> p, Span<int> order, double wanted)
    {
        p.Sort(order, static (a, b) => b.CompareTo(a));
        double sum = 0;
        for (int i = 0; i < p.Length; i++)
        {
            sum += p[i];
            if (sum >= wanted)
                return (i + 1, sum);
        }
        return (p.Length, sum);
    }

    private static float Probability(ReadOnlySpan<float> logits, int token) =>
        MathF.Exp(-CrossEntropy.Loss(logits, token));
}
