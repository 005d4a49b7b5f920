using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>A buffer that an update rule keeps for a parameter from step to step; zeros at first.</summary>
/// <param name="Suffix">Behind the parameter's name in checkpoints.</param>
public readonly record struct StateShape(string Suffix, int Rows, int Columns);

/// <summary>What an update rule is told of a step.</summary>
/// <param name="LearningRate">Of the parameter's group.</param>
/// <param name="WeightDecay">Decoupled; 0 for what does not decay.</param>
/// <param name="Step">From 1.</param>
/// <param name="GradientScale">Multiplies the gradient before use: clipping.</param>
public readonly record struct UpdateStep(float LearningRate, float WeightDecay, int Step, float GradientScale);

/// <summary>
/// How a parameter moves, given its gradient. A rule holds no state of its own: what it remembers lies in the buffers that it asks
/// for, which checkpoints keep, so a run that is continued ends with the same bits. An update allocates nothing.
/// </summary>
public interface IUpdateRule
{
    /// <summary>The buffers that a parameter needs.</summary>
    IReadOnlyList<StateShape> StateOf(Tensor parameter);

    /// <summary>Changes the parameter and the buffers. The gradient may be used as working space: it is cleared afterwards.</summary>
    /// <param name="state">As <see cref="StateOf"/> lists them.</param>
    void Apply(Tensor parameter, ReadOnlySpan<NativeBuffer> state, in UpdateStep step);
}
