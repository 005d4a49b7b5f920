using System.Globalization;

namespace Cleave.Training.Adapters;

/// <summary>What merging an adapter has changed, over rows of logits before and after.</summary>
/// <param name="Rows">Rows compared.</param>
/// <param name="Divergence">Mean Kullback–Leibler divergence of the merged model from the adapted one, in nats.</param>
/// <param name="SameChoice">The share of rows with the same likeliest class or token.</param>
/// <param name="MostDivergence">What is allowed.</param>
public sealed record MergeCheck(int Rows, double Divergence, double SameChoice, double MostDivergence)
{
    public bool Passed => Divergence <= MostDivergence;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Rows} rows of logits: KL {Divergence:0.######} (at most {MostDivergence:0.######}), same first choice {SameChoice:P2}");

    /// <param name="before">Rows of logits of the adapted model.</param>
    /// <param name="after">The same rows of the merged one.</param>
    public static MergeCheck Of(IReadOnlyList<float[]> before, IReadOnlyList<float[]> after, double mostDivergence)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        if (before.Count == 0 || before.Count != after.Count)
            throw new ArgumentException($"{before.Count} rows before, {after.Count} after", nameof(after));
        double divergence = 0;
        int same = 0;
        for (int row = 0; row < before.Count; row++)
        {
            double[] p = LogProbabilities(before[row], out int first), q = LogProbabilities(after[row], out int second);
            for (int c = 0; c < p.Length; c++)
                divergence += Math.Exp(p[c]) * (p[c] - q[c]);
            same += first == second ? 1 : 0;
        }
        return new MergeCheck(before.Count, Math.Max(0, divergence / before.Count), (double)same / before.Count, mostDivergence);
    }

    private static double[] LogProbabilities(float[] logits, out int top)
    {
        top = Array.IndexOf(logits, logits.Max());
        double max = logits[top], shift = max + Math.Log(logits.Sum(z => Math.Exp(z - max)));
        return Array.ConvertAll(logits, z => z - shift);
    }
}

/// <summary>Merging changed the model too much; nothing was written.</summary>
public sealed class MergeException(MergeCheck check)
    : CleaveException($"the adapter is not merged, because that changes the model too much: {check} (keep the adapter beside its base, train on a finer base, or raise the bound)")
{
    public MergeCheck Check { get; } = check;
}
