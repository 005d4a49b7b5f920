using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// Adam (Kingma and Ba, 2015). With a group's <see cref="ParameterGroup.WeightDecay"/> it is AdamW (Loshchilov and Hutter, 2019), with
/// its <see cref="ParameterGroup.L2"/> it is Adam as it was.
/// </summary>
public sealed record Adam(float Beta1 = 0.9f, float Beta2 = 0.95f, float Epsilon = 1e-8f) : IUpdateRule
{
    public IReadOnlyList<StateShape> StateOf(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new StateShape(".adam_first", parameter.Rows, parameter.Columns), new StateShape(".adam_second", parameter.Rows, parameter.Columns)];
    }

    public void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Numerics.Kernels.AdamW.Update(parameter.Data, parameter.Gradient, state[0].Span, state[1].Span,
            step.LearningRate, Beta1, Beta2, Epsilon, step.WeightDecay, step.Step, step.GradientScale);
    }
}
