using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// Lion (Chen et al., 2023): every weight moves by the learning rate, in the direction of the sign of a mean of gradients. It wants
/// a learning rate 3 to 10 times lower than Adam's, and a weight decay that much higher.
/// </summary>
public sealed record Lion(float Beta1 = 0.9f, float Beta2 = 0.99f) : IUpdateRule
{
    public IReadOnlyList<StateShape> StateOf(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new StateShape(".lion_mean", parameter.Rows, parameter.Columns)];
    }

    public void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        OptimizerSteps.Lion(parameter.Data, parameter.Gradient, state[0].Span, step.LearningRate, Beta1, Beta2, step.WeightDecay, step.GradientScale);
    }
}
