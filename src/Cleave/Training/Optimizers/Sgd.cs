using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>Gradient descent, with momentum where it is above 0, which may be Nesterov's (Sutskever et al., 2013).</summary>
public sealed record Sgd(float Momentum = 0.9f, bool Nesterov = false) : IUpdateRule
{
    public IReadOnlyList<StateShape> StateOf(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return Momentum > 0 ? [new StateShape(".sgd_velocity", parameter.Rows, parameter.Columns)] : [];
    }

    public void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        OptimizerSteps.Sgd(parameter.Data, parameter.Gradient, state.IsEmpty ? default : state[0].Span,
            step.LearningRate, Momentum, Nesterov, step.WeightDecay, step.GradientScale);
    }
}
