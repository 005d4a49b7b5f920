using Cleave.Numerics.Kernels;
using Cleave.Training.FineTuning;

namespace Cleave.Training.Distillation;

/// <summary>The loss of one row against the true token and a teacher's distribution: (1 − α)·hard + α·T²·soft (Hinton et al., 2015).</summary>
internal static class MixedTargets
{
    private const float Least = 1.2e-38f;

    [ThreadStatic]
    private static float[]? _copy;

    /// <param name="logits">(V): in the logits, out the loss's gradient times <paramref name="scale"/>.</param>
    /// <param name="probabilities">(V), the teacher's, at the temperature T.</param>
    /// <param name="smoothing">Of the target, see <see cref="CrossEntropy"/>.</param>
    /// <returns>The two cross-entropies, neither weighted nor scaled.</returns>
    public static (float Hard, float Soft) ForwardBackward(Span<float> logits, ReadOnlySpan<float> probabilities, int target, DistillationOptions options, float scale, float smoothing = 0)
    {
        (float alpha, float t) = (options.Weight, options.Temperature);
        Span<float> copy = Copy(logits);
        float soft = CrossEntropy.ForwardBackwardSoft(logits, probabilities, t, scale * alpha * t * t);
        float hard = CrossEntropy.ForwardBackward(copy, target, smoothing, scale * (1 - alpha));
        VectorMath.AddInPlace(logits, copy);
        return (hard, soft);
    }

    /// <summary>The same with KL(softmax(logits / T) ‖ teacher) for the soft part, whose gradient is q·(log q − log p − KL)/T.</summary>
    /// <returns>The cross-entropy and the divergence, neither weighted nor scaled.</returns>
    public static (float Hard, float Divergence) ForwardBackwardReverse(Span<float> logits, ReadOnlySpan<float> probabilities, int target, DistillationOptions options, float scale)
    {
        (float alpha, float t) = (options.Weight, options.Temperature);
        Span<float> copy = Copy(logits);
        VectorMath.Scale(logits, 1 / t);
        Softmax.Rows(logits, 1, logits.Length);
        double divergence = 0;
        for (int i = 0; i < logits.Length; i++)
            divergence += logits[i] * LogRatio(logits[i], probabilities[i]);
        for (int i = 0; i < logits.Length; i++)
            logits[i] = (float)(scale * alpha * t * logits[i] * (LogRatio(logits[i], probabilities[i]) - divergence));
        float hard = CrossEntropy.ForwardBackward(copy, target, 0, scale * (1 - alpha));
        VectorMath.AddInPlace(logits, copy);
        return (hard, (float)divergence);
    }

    public static float Mix(float hard, float soft, DistillationOptions options) =>
        options.Weight * options.Temperature * options.Temperature * soft + (1 - options.Weight) * hard;

    private static Span<float> Copy(ReadOnlySpan<float> logits)
    {
        if (_copy is null || _copy.Length < logits.Length)
            _copy = new float[logits.Length];
        Span<float> copy = _copy.AsSpan(0, logits.Length);
        logits.CopyTo(copy);
        return copy;
    }

    // Nothing is quite impossible: what has no probability left in single precision counts as its smallest.
    private static float LogRatio(float q, float p) => MathF.Log(Math.Max(q, Least)) - MathF.Log(Math.Max(p, Least));
}
