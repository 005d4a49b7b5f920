using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Cross-entropy of a row of logits against a class or a distribution.</summary>
public static class CrossEntropy
{
    /// <summary>−log softmax(logits)[target].</summary>
    /// <param name="logits">(V)</param>
    public static float Loss(ReadOnlySpan<float> logits, int target)
    {
        CheckTarget(logits.Length, target);
        float max = VectorMath.Max(logits);
        double sum = 0;
        foreach (float x in logits)
            sum += Math.Exp(x - max);
        return (float)(Math.Log(sum) - (logits[target] - max));
    }

    /// <summary>
    /// The loss against q = (1 − s) · [target] + s / V with s = <paramref name="labelSmoothing"/>; the logits are
    /// replaced by gradScale · (softmax(logits) − q).
    /// </summary>
    /// <param name="logits">(V): in the logits, out their gradient.</param>
    /// <param name="labelSmoothing">From 0 to 1.</param>
    /// <returns>−Σ q · log softmax(logits), not scaled.</returns>
    public static float ForwardBackward(Span<float> logits, int target, float labelSmoothing, float gradScale)
    {
        CheckTarget(logits.Length, target);
        if (!(labelSmoothing is >= 0 and <= 1))
            throw new ArgumentException($"labelSmoothing: expected 0 to 1, got {labelSmoothing}", nameof(labelSmoothing));
        float max = VectorMath.Max(logits), atTarget = logits[target] - max;
        double sum = 0, total = 0;
        foreach (float x in logits)
        {
            total += x - max;
            sum += Math.Exp(x - max);
        }
        double logSum = Math.Log(sum);
        float each = labelSmoothing / logits.Length;
        for (int i = 0; i < logits.Length; i++)
            logits[i] = gradScale * ((float)Math.Exp(logits[i] - max - logSum) - each);
        logits[target] -= gradScale * (1 - labelSmoothing);
        return (float)(logSum - (1 - labelSmoothing) * atTarget - (labelSmoothing == 0 ? 0 : each * total));
    }

    /// <summary>
    /// Cross-entropy of softmax(logits / temperature) against the given probabilities; the logits are replaced by
    /// gradScale / temperature · (softmax(logits / temperature) · Σ p − p).
    /// </summary>
    /// <param name="logits">(V): in the logits, out their gradient.</param>
    /// <param name="targetProbabilities">(V), usually summing to 1.</param>
    /// <returns>−Σ p · log softmax(logits / temperature), not scaled.</returns>
    public static float ForwardBackwardSoft(Span<float> logits, ReadOnlySpan<float> targetProbabilities, float temperature, float gradScale)
    {
        Guard.AtLeast(logits.Length, 1, nameof(logits));
        Guard.Length(targetProbabilities.Length, logits.Length, nameof(targetProbabilities));
        if (!(temperature > 0))
            throw new ArgumentException($"temperature: must be positive, got {temperature}", nameof(temperature));
        float max = VectorMath.Max(logits), inverse = 1 / temperature;
        double sum = 0, mass = 0, weighted = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            float z = (logits[i] - max) * inverse;
            sum += Math.Exp(z);
            mass += targetProbabilities[i];
            weighted += targetProbabilities[i] == 0 ? 0 : targetProbabilities[i] * z;
        }
        double logSum = Math.Log(sum);
        for (int i = 0; i < logits.Length; i++)
            logits[i] = gradScale * inverse * ((float)(Math.Exp((logits[i] - max) * inverse - logSum) * mass) - targetProbabilities[i]);
        return (float)(mass * logSum - weighted);
    }

    private static void CheckTarget(int length, int target)
    {
        if ((uint)target >= (uint)length)
            throw new ArgumentException($"target: expected 0 up to {length - 1}, got {target}", nameof(target));
    }
}
