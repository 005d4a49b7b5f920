using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>Clips the gradients of all parameters together and lets each group's rule apply them.</summary>
public sealed class Optimizer : IDisposable
{
    private readonly List<(Tensor Tensor, ParameterGroup Group, StateShape[] Shapes, NativeBuffer[] State)> _slots = [];

    /// <exception cref="ArgumentException">A name is there twice.</exception>
    public Optimizer(params IReadOnlyList<ParameterGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        Parameters = [.. groups.SelectMany(g => g.Parameters)];
        if (Parameters.Select(p => p.Name).Distinct(StringComparer.Ordinal).Count() != Parameters.Count)
            throw new ArgumentException("a parameter is in the groups twice", nameof(groups));
        foreach (ParameterGroup group in groups)
        {
            foreach ((_, Tensor tensor) in group.Parameters)
            {
                StateShape[] shapes = [.. group.Rule.StateOf(tensor)];
                _slots.Add((tensor, group, shapes, [.. shapes.Select(s => new NativeBuffer(s.Rows * s.Columns))]));
            }
        }
    }

    public IReadOnlyList<(string Name, Tensor Tensor)> Parameters { get; }

    /// <summary>The largest global gradient norm; larger gradients are scaled down to it (Pascanu et al., 2013).</summary>
    public float ClipNorm { get; init; } = 1;

    /// <summary>The largest element of a gradient; larger ones are cut, before the norm is taken.</summary>
    public float ClipValue { get; init; } = float.PositiveInfinity;

    /// <summary>Updates made.</summary>
    public int Step { get; private set; }

    /// <summary>Everything that the rules remember, by name, for checkpoints.</summary>
    public IEnumerable<(string Name, StateShape Shape, NativeBuffer Buffer)> State()
    {
        for (int i = 0; i < _slots.Count; i++)
        {
            for (int s = 0; s < _slots[i].State.Length; s++)
                yield return (Parameters[i].Name + _slots[i].Shapes[s].Suffix, _slots[i].Shapes[s], _slots[i].State[s]);
        }
    }

    /// <summary>Continues from a checkpoint's step, the state having been filled in.</summary>
    public void Restore(int step) => Step = step;

    /// <summary>
    /// One update from the parameters' gradients, which are then cleared. Returns the gradient's norm before it is scaled.
    /// </summary>
    /// <exception cref="CleaveException">The gradient is not finite; nothing has changed.</exception>
    public double Update(double learningRate)
    {
        double squares = 0;
        foreach ((Tensor tensor, _, _, _) in _slots)
        {
            if (!tensor.HasGradient)
                continue;
            if (float.IsFinite(ClipValue))
                VectorMath.Clamp(tensor.Gradient, -ClipValue, ClipValue);
            squares += VectorMath.SumOfSquares(tensor.Gradient);
        }
        double norm = Math.Sqrt(squares);
        if (!double.IsFinite(norm))
            throw new DivergedException(Step + 1, "gradient");
        float scale = norm > ClipNorm ? (float)(ClipNorm / norm) : 1;
        Step++;
        foreach ((Tensor tensor, ParameterGroup group, _, NativeBuffer[] state) in _slots)
        {
            if (!tensor.HasGradient)
                continue;
            Apply(tensor, group, state, group.LearningRateScale == 1 ? (float)learningRate : (float)(learningRate * group.LearningRateScale), scale);
            tensor.ClearGradient();
        }
        return norm;
    }

    private void Apply(Tensor tensor, ParameterGroup group, NativeBuffer[] state, float learningRate, float scale)
    {
        bool matrix = tensor.Rows > 1;
        if (matrix && group.L2 > 0)
        {
            VectorMath.ScaleAndAdd(tensor.Gradient, scale, tensor.Data, group.L2);
            scale = 1;
        }
        group.Rule.Apply(tensor, state, new UpdateStep(learningRate, matrix ? group.WeightDecay : 0, Step, scale));
        if (matrix && group.L1 > 0)
            OptimizerSteps.SoftThreshold(tensor.Data, learningRate * group.L1);
    }

    public void Dispose()
    {
        foreach ((_, _, _, NativeBuffer[] state) in _slots)
        {
            foreach (NativeBuffer buffer in state)
                buffer.Dispose();
        }
    }
}
