using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// LAMB (You et al., 2020): Adam's direction u, decay included, made as long as the weights: p = p − lr · ‖p‖ / ‖u‖ · u, for very large
/// batches. The ratio is 1 where either norm is 0.
/// </summary>
public sealed record Lamb(float Beta1 = 0.9f, float Beta2 = 0.999f, float Epsilon = 1e-6f) : IUpdateRule
{
    public IReadOnlyList<StateShape> StateOf(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new StateShape(".lamb_first", parameter.Rows, parameter.Columns), new StateShape(".lamb_second", parameter.Rows, parameter.Columns)];
    }

    public void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Span<float> direction = parameter.Gradient;
        OptimizerSteps.LambDirection(parameter.Data, direction, state[0].Span, state[1].Span, Beta1, Beta2, Epsilon, step.WeightDecay, step.Step, step.GradientScale);
        double weights = Math.Sqrt(VectorMath.SumOfSquares(parameter.Data)), length = Math.Sqrt(VectorMath.SumOfSquares(direction));
        double ratio = weights > 0 && length > 0 ? weights / length : 1;
        VectorMath.AddScaled(parameter.Data, direction, (float)(-step.LearningRate * ratio));
    }
}
