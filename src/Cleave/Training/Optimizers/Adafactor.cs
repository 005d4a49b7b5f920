using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// Adafactor (Shazeer and Stern, 2018) as PyTorch computes it: the second moments of a matrix are kept as one number a row and one a
/// column, updates are relative to the size of the weights, and too long updates are shortened. The learning rate bounds the relative
/// step: min(lr, 1/√t).
/// </summary>
/// <param name="Beta2Decay">τ of β₂ = 1 − tᵗᵃᵘ, below 0.</param>
/// <param name="Epsilon">The least root of a second moment.</param>
/// <param name="LeastSize">The size that smaller weights count as.</param>
/// <param name="Threshold">The longest update, as a root mean square.</param>
public sealed record Adafactor(double Beta2Decay = -0.8, float Epsilon = 1.1920929e-7f, double LeastSize = 1e-3, double Threshold = 1) : IUpdateRule
{
    public IReadOnlyList<StateShape> StateOf(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.Rows > 1
            ? [new StateShape(".adafactor_rows", 1, parameter.Rows), new StateShape(".adafactor_columns", 1, parameter.Columns)]
            : [new StateShape(".adafactor_second", 1, parameter.Columns)];
    }

    public void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Span<float> weights = parameter.Data, direction = parameter.Gradient;
        double root = Math.Sqrt(weights.Length), relative = Math.Min(step.LearningRate, 1 / Math.Sqrt(step.Step));
        double size = Math.Max(LeastSize, Math.Sqrt(VectorMath.SumOfSquares(weights)) / root) * relative;
        float share = (float)Math.Pow(step.Step, Beta2Decay);
        if (state.Length == 2)
            OptimizerSteps.FactoredDirection(direction, state[0].Span, state[1].Span, share, Epsilon, step.GradientScale);
        else
            OptimizerSteps.UnfactoredDirection(direction, state[0].Span, share, Epsilon, step.GradientScale);
        double length = Math.Sqrt(VectorMath.SumOfSquares(direction)) / (root * Threshold);
        VectorMath.ScaleAndAdd(weights, (float)(1 - (double)step.LearningRate * step.WeightDecay), direction, (float)(-size / Math.Max(1, length)));
    }
}
