using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// Muon (Jordan et al., 2024): momentum whose matrix is made orthogonal before it is applied. For the matrices inside of layers; the
/// others take Adam. The step is scaled by 0.2·√max(rows, columns), which makes it as long as Adam's, so that both share a learning
/// rate (Liu et al., 2025).
/// </summary>
/// <param name="Steps">Of the Newton–Schulz iteration.</param>
public sealed record Muon(float Momentum = 0.95f, bool Nesterov = true, int Steps = 5) : IUpdateRule
{
    public IReadOnlyList<StateShape> StateOf(Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return [new StateShape(".muon_mean", parameter.Rows, parameter.Columns)];
    }

    public void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Span<float> mean = state[0].Span, direction = parameter.Gradient;
        VectorMath.ScaleAndAdd(mean, Momentum, direction, (1 - Momentum) * step.GradientScale);
        if (Nesterov)
            VectorMath.ScaleAndAdd(direction, (1 - Momentum) * step.GradientScale, mean, Momentum);
        else
            mean.CopyTo(direction);
        NewtonSchulz.Orthogonalize(direction, parameter.Rows, parameter.Columns, Steps);
        double length = 0.2 * Math.Sqrt(Math.Max(parameter.Rows, parameter.Columns));
        VectorMath.ScaleAndAdd(parameter.Data, (float)(1 - (double)step.LearningRate * step.WeightDecay), direction, (float)(-step.LearningRate * length));
    }
}
