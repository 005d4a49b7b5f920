using Cleave.Evaluation;

namespace Cleave.Training.Scoring;

/// <summary>
/// A mean over the tokens of a text with its standard error. Neighbouring tokens are hard or easy together, so the error
/// comes from the sums of blocks of tokens, as for a ratio of block totals: √(B/(B−1) · Σ(sᵦ − nᵦ·m)²) / n.
/// </summary>
public sealed record TextEstimate(double Mean, double StandardError, int Tokens)
{
    private const int MostPerBlock = 512, FewestBlocks = 20;

    /// <summary>The shares of 0.95 intervals are 1.96 standard errors away.</summary>
    public static double Z { get; } = Normal.Quantile(0.975);

    public static TextEstimate Of(IReadOnlyList<TokenScore> scores, Func<TokenScore, double> value)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(value);
        int n = scores.Count, block = Math.Clamp(n / FewestBlocks, 1, MostPerBlock), blocks = (n + block - 1) / block;
        double mean = scores.Sum(value) / n, squares = 0;
        for (int b = 0; b < blocks; b++)
        {
            double sum = 0;
            for (int i = b * block; i < Math.Min(n, (b + 1) * block); i++)
                sum += value(scores[i]) - mean;
            squares += sum * sum;
        }
        // One block says nothing of the error.
        double error = blocks > 1 ? Math.Sqrt(squares * blocks / (blocks - 1)) / n : double.PositiveInfinity;
        return new TextEstimate(mean, error, n);
    }

    public double Low => Mean - Z * StandardError;
    public double High => Mean + Z * StandardError;
}

/// <summary>How well a model predicts a text.</summary>
/// <param name="Loss">Nats a token.</param>
public sealed record TextQuality(TextEstimate Loss, double BitsPerByte)
{
    /// <param name="bytes">Of the whole text in UTF-8.</param>
    public static TextQuality Of(IReadOnlyList<TokenScore> scores, long bytes)
    {
        TextEstimate loss = TextEstimate.Of(scores, s => s.Loss);
        return new TextQuality(loss, loss.Mean * loss.Tokens / Math.Log(2) / bytes);
    }

    public double Perplexity => Math.Exp(Loss.Mean);

    /// <summary>The 0.95 interval of <see cref="Perplexity"/>.</summary>
    public (double Low, double High) Interval => (Math.Exp(Loss.Low), Math.Exp(Loss.High));
}

/// <summary>How far a model is from a reference on the same tokens.</summary>
/// <param name="LogRatio">Of the perplexities, model over reference: the mean difference of their losses.</param>
/// <param name="Divergence">Kullback–Leibler, in nats a token.</param>
/// <param name="Divergence99">Its 99th percentile over the tokens, interpolated.</param>
/// <param name="Flips">The share of tokens where the two put different tokens first, with Wilson's interval.</param>
public sealed record TextComparison(TextEstimate LogRatio, double ReferencePerplexity, TextEstimate Divergence, double Divergence99, double LargestDivergence, ConfidenceInterval Flips)
{
    public static TextComparison Of(IReadOnlyList<TokenScore> scores)
    {
        double[] divergences = [.. scores.Select(s => s.Divergence).Order()];
        return new TextComparison(TextEstimate.Of(scores, s => s.Loss - s.ReferenceLoss), Math.Exp(scores.Average(s => s.ReferenceLoss)),
            TextEstimate.Of(scores, s => s.Divergence), Quantile(divergences, 0.99), divergences[^1], ConfidenceInterval.Wilson(scores.Count(s => s.Flipped), scores.Count));
    }

    /// <summary>The model's perplexity over the reference's.</summary>
    public double PerplexityRatio => Math.Exp(LogRatio.Mean);

    /// <summary>By the delta method.</summary>
    public double PerplexityRatioError => PerplexityRatio * LogRatio.StandardError;

    private static double Quantile(double[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = (int)at;
        return below + 1 == sorted.Length ? sorted[below] : sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
    }
}
