namespace Cleave.Tests.Numerics.Kernels;

/// <summary>
/// How far a kernel's results may be from double precision, and those of any instruction set from those of the scalar
/// reference: a part of the largest of the results, or of 1 where that is larger (<see cref="Reference.Close"/>).
/// </summary>
internal static class Bounds
{
    /// <summary>One rounding or a short sum: norms, activations, optimizer steps, dot products.</summary>
    public const double RowWise = 1e-6;

    /// <summary>Products of float matrices: sums of up to 2100 terms of standard normal products.</summary>
    public const double MatMul = 2e-6;

    /// <summary>Products of quantized matrices: the same whole numbers in every set, scaled and summed in float.</summary>
    public const double Quantized = 2e-6;

    /// <summary>Attention and its gradients, over float32 or float16 keys and values.</summary>
    public const double Attention = 5e-6;

    /// <summary>Gradients of losses, whose largest element is at most 1.</summary>
    public const double LossGradient = 2e-7;

    /// <summary>Conversions are the same to the bit.</summary>
    public const double Conversion = 0;
}
