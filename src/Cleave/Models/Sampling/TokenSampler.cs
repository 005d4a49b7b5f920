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

    /// <summary>The place of the largest value, the first of equals, or of the first NaN.</summary>
    public static int ArgMax(ReadOnlySpan<float> values) => values.IndexOf(VectorMath.Max(values));

    private int Draw(ReadOnlySpan<float> logits, float max)
    {
        if (_probabilities.Length < logits.Length)
            (_probabilities, _order) = (new float[logits.Length], new int[logits.Length]);
        Span<float> p = _probabilities.AsSpan(0, logits.Length);
        Span<int> order = _order.AsSpan(0, logits.Length);
        int kept = 0;
        double total = 0;
        // What is e⁻²⁰ times less likely than the best would not be drawn in a lifetime: it need not be looked at again.
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

    /// <summary>
    /// Moves the most likely tokens to the front, as few as add up to <paramref name="wanted"/>, by partitions as in quicksort
    /// that only follow the side where the sum is reached: linear on average, and nothing is sorted.
    /// </summary>
    private static (int Kept, double Total) Nucleus(Span<float> p, Span<int> order, double wanted)
    {
        int from = 0, to = p.Length; // before from: in the nucleus; from to on: not
        double sum = 0;
        while (from < to)
        {
            float pivot = Middle(p[from], p[from + (to - from) / 2], p[to - 1]);
            int larger = from, smaller = to;
            double above = 0;
            for (int i = from; i < smaller;)
            {
                if (p[i] > pivot)
                {
                    above += p[i];
                    Swap(p, order, i++, larger++);
                }
                else if (p[i] < pivot)
                {
                    Swap(p, order, i, --smaller);
                }
                else
                {
                    i++;
                }
            }
            double equal = (double)pivot * (smaller - larger);
            if (sum + above >= wanted)
            {
                to = larger;
                continue;
            }
            if (sum + above + equal >= wanted)
            {
                int count = Math.Clamp((int)Math.Ceiling((wanted - sum - above) / pivot), 1, smaller - larger);
                return (larger + count, sum + above + (double)pivot * count);
            }
            sum += above + equal;
            from = smaller;
        }
        return (Math.Max(1, from), sum);
    }

    private static float Middle(float a, float b, float c) => Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));

    private static void Swap(Span<float> p, Span<int> order, int i, int j)
    {
        (p[i], p[j]) = (p[j], p[i]);
        (order[i], order[j]) = (order[j], order[i]);
    }

    private static float Probability(ReadOnlySpan<float> logits, int token) =>
        MathF.Exp(-CrossEntropy.Loss(logits, token));
}
