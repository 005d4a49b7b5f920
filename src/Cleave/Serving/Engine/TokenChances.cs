using Cleave.Numerics.Kernels;

namespace Cleave.Serving.Engine;

/// <summary>How likely tokens were.</summary>
internal static class TokenChances
{
    /// <summary>A token with its log-probability and those of the likeliest tokens, of equals the first.</summary>
    /// <param name="logits">−∞ for what could not come.</param>
    public static MadeToken Of(ReadOnlySpan<float> logits, int token, float probability, int alternatives)
    {
        float shift = CrossEntropy.Loss(logits, token) + logits[token]; // log Σ exp
        var best = new List<(int Id, float LogProbability)>(alternatives + 1);
        for (int id = 0; id < logits.Length && alternatives > 0; id++)
        {
            float value = logits[id];
            if (float.IsNegativeInfinity(value) || (best.Count == alternatives && value - shift <= best[^1].LogProbability))
                continue;
            int at = best.Count;
            while (at > 0 && best[at - 1].LogProbability < value - shift)
                at--;
            best.Insert(at, (id, value - shift));
            if (best.Count > alternatives)
                best.RemoveAt(alternatives);
        }
        return new MadeToken(token, probability, logits[token] - shift, best);
    }
}
