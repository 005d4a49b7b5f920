using Cleave.Numerics;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Mixes what a classifier's head reads of two texts of a batch, and their labels with it (mixup: Zhang et al., 2018; on sentence embeddings: Guo,
/// Mao and Zhang, 2019). The shares are drawn from Beta(α, α); partners and shares depend on the seed and the update's number alone.
/// </summary>
/// <param name="alpha">α, above 0: small values mix little most of the time, 1 by any share alike.</param>
public sealed class Mixup(double alpha, ulong seed)
{
    private int _update;

    /// <summary>Called before each micro-batch's forward pass.</summary>
    public void Begin(int update) => _update = update;

    /// <summary>For each of the batch's texts the text that it is mixed with, and its own share of the mixture.</summary>
    public (int[] Partners, float[] Shares) Draw(int texts)
    {
        Rng rng = Rng.For(seed, $"mixup {_update}");
        int[] partners = [.. Enumerable.Range(0, texts)];
        rng.Shuffle(partners.AsSpan());
        return (partners, [.. Enumerable.Range(0, texts).Select(_ => (float)Beta(alpha, rng))]);
    }

    /// <summary>Beta(α, α) as G₁ / (G₁ + G₂) of two gamma-distributed numbers.</summary>
    public static double Beta(double alpha, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(rng);
        double first = Gamma(alpha, rng), second = Gamma(alpha, rng), sum = first + second;
        return sum > 0 ? first / sum : rng.NextInt(2); // both underflowed: α is so small that the share is 0 or 1
    }

    /// <summary>Marsaglia and Tsang's method (2000); for shapes below 1 by way of shape + 1.</summary>
    private static double Gamma(double shape, Rng rng)
    {
        if (shape < 1)
            return Gamma(shape + 1, rng) * Math.Pow(1 - rng.NextDouble(), 1 / shape);
        double d = shape - 1.0 / 3, c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = rng.NextGaussian(), v = 1 + c * x;
            if (v <= 0)
                continue;
            v = v * v * v;
            if (Math.Log(1 - rng.NextDouble()) < 0.5 * x * x + d - d * v + d * Math.Log(v))
                return d * v;
        }
    }
}
