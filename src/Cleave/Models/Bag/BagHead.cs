using Cleave.Numerics;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Bag;

/// <summary>
/// What stands on a bag's pooled vector p: logits = W₂·h + b₂ with h = max(0, W₁·p + b₁), or h = p without a
/// hidden layer. W₁ is (hidden, dim), W₂ is (classes, hidden or dim).
/// </summary>
public sealed class BagHead
{
    public BagHead(int dim, int hidden, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dim, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(hidden);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        (Dim, Hidden, Classes) = (dim, hidden, classes);
        HiddenWeight = new float[checked(hidden * dim)];
        HiddenBias = new float[hidden];
        OutputWeight = new float[checked(classes * Width)];
        OutputBias = new float[classes];
    }

    public int Dim { get; }

    /// <summary>Width of the hidden layer, 0 where there is none.</summary>
    public int Hidden { get; }

    public int Classes { get; }

    /// <summary>Length of what the output layer reads.</summary>
    public int Width => Hidden > 0 ? Hidden : Dim;

    public float[] HiddenWeight { get; }

    public float[] HiddenBias { get; }

    public float[] OutputWeight { get; }

    public float[] OutputBias { get; }

    /// <summary>Weights drawn as normal numbers with variance 2/inputs (hidden) and 1/inputs (output); biases zero.</summary>
    public void Initialise(Rng rng)
    {
        ArgumentNullException.ThrowIfNull(rng);
        double hidden = Math.Sqrt(2.0 / Dim), output = Math.Sqrt(1.0 / Width);
        foreach (ref float w in HiddenWeight.AsSpan())
            w = (float)(hidden * rng.NextGaussian());
        foreach (ref float w in OutputWeight.AsSpan())
            w = (float)(output * rng.NextGaussian());
    }

    /// <summary>The activations that the output layer reads.</summary>
    /// <param name="pooled">(dim)</param>
    /// <param name="hidden">(hidden), overwritten; not used without a hidden layer.</param>
    /// <param name="logits">(classes), overwritten.</param>
    public void Forward(ReadOnlySpan<float> pooled, Span<float> hidden, Span<float> logits)
    {
        ReadOnlySpan<float> input = pooled[..Dim];
        if (Hidden > 0)
        {
            for (int i = 0; i < Hidden; i++)
                hidden[i] = Math.Max(0, VectorMath.Dot(input, HiddenWeight.AsSpan(i * Dim, Dim)) + HiddenBias[i]);
            input = hidden[..Hidden];
        }
        int width = Width;
        for (int c = 0; c < Classes; c++)
            logits[c] = VectorMath.Dot(input, OutputWeight.AsSpan(c * width, width)) + OutputBias[c];
    }
}
