namespace Cleave.Training.Scoring;

/// <summary>How a model predicted a token, and how far it is from a reference that read the same.</summary>
/// <param name="Loss">−log of the probability that it gave the token, in nats.</param>
/// <param name="ReferenceLoss">The reference's.</param>
/// <param name="Divergence">Kullback–Leibler divergence of the model from the reference, Σ p log(p / q) with p the reference's distribution, in nats.</param>
/// <param name="Flipped">Whether the two put different tokens first.</param>
public readonly record struct TokenScore(double Loss, double ReferenceLoss = 0, double Divergence = 0, bool Flipped = false);

/// <summary>Scores rows of logits, in double precision.</summary>
internal static class LogitRows
{
    /// <summary>log Σ exp(x), shifted by the maximum.</summary>
    private static double LogSum(ReadOnlySpan<float> logits, out int top)
    {
        top = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[top])
                top = i;
        }
        double max = logits[top], sum = 0;
        foreach (float x in logits)
            sum += Math.Exp(x - max);
        return max + Math.Log(sum);
    }

    public static TokenScore Score(ReadOnlySpan<float> logits, int target) => new(LogSum(logits, out _) - logits[target]);

    public static TokenScore Compare(ReadOnlySpan<float> logits, ReadOnlySpan<float> reference, int target)
    {
        double q = LogSum(logits, out int top), p = LogSum(reference, out int referenceTop), divergence = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            double logP = reference[i] - p;
            divergence += Math.Exp(logP) * (logP - (logits[i] - q));
        }
        // Rounding can leave a little below the least that a divergence can be; not a number stays what it is.
        return new TokenScore(q - logits[target], p - reference[target], divergence < 0 ? 0 : divergence, top != referenceTop);
    }
}
