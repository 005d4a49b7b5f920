using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>Parameters that share an update rule and its settings.</summary>
public sealed record ParameterGroup(IReadOnlyList<(string Name, Tensor Tensor)> Parameters, IUpdateRule Rule)
{
    /// <summary>Multiplies the schedule's learning rate.</summary>
    public double LearningRateScale { get; init; } = 1;

    /// <summary>Decoupled: weights shrink by lr · decay a step, whatever their gradient. Matrices decay; norms and biases (one row) do not.</summary>
    public float WeightDecay { get; init; }

    /// <summary>λ of the penalty λ/2 · ‖p‖², which goes through the gradient. Of matrices.</summary>
    public float L2 { get; init; }

    /// <summary>λ of the penalty λ · ‖p‖₁, applied after the step by its proximal operator, so that weights become exactly 0 (Beck and Teboulle, 2009). Of matrices.</summary>
    public float L1 { get; init; }
}
