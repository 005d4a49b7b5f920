using Cleave.Numerics.Distributed;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;
using Cleave.Training.Distributed;

namespace Cleave.Training.Optimizers;

/// <summary>What a rule remembers of a parameter.</summary>
/// <param name="Name">In checkpoints.</param>
/// <param name="Owner">The rank that holds it.</param>
/// <param name="Buffer">Null on the other ranks.</param>
public sealed record OptimizerState(string Name, StateShape Shape, int Owner, NativeBuffer? Buffer);

/// <summary>
/// Clips the gradients of all parameters together and lets each group's rule apply them. Where several processes train together, each
/// keeps the state of its share of the parameters alone and updates those (Rajbhandari et al., 2020, ZeRO's first stage).
/// </summary>
public sealed class Optimizer : IDisposable
{
    private readonly List<(Tensor Tensor, ParameterGroup Group, StateShape[] Shapes, NativeBuffer[] State)> _slots = [];

    /// <exception cref="ArgumentException">A name is there twice.</exception>
    public Optimizer(params IReadOnlyList<ParameterGroup> groups) : this(groups, OneProcess.Instance) { }

    /// <param name="ranks">Who trains together; all of them have the same parameters.</param>
    /// <exception cref="ArgumentException">A name is there twice.</exception>
    public Optimizer(IReadOnlyList<ParameterGroup> groups, ICollective ranks)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(ranks);
        Ranks = ranks;
        Parameters = [.. groups.SelectMany(g => g.Parameters)];
        if (Parameters.Select(p => p.Name).Distinct(StringComparer.Ordinal).Count() != Parameters.Count)
            throw new ArgumentException("a parameter is in the groups twice", nameof(groups));
        Owners = Shards.Deal([.. Parameters.Select(p => p.Tensor.Length)], ranks.Size);
        foreach (ParameterGroup group in groups)
        {
            foreach ((_, Tensor tensor) in group.Parameters)
            {
                StateShape[] shapes = [.. group.Rule.StateOf(tensor)];
                bool own = Owners[_slots.Count] == ranks.Rank;
                _slots.Add((tensor, group, shapes, own ? [.. shapes.Select(s => new NativeBuffer(s.Rows * s.Columns))] : []));
            }
        }
    }

    public IReadOnlyList<(string Name, Tensor Tensor)> Parameters { get; }

    /// <summary>Who trains together.</summary>
    public ICollective Ranks { get; }

    /// <summary>The rank that updates each of <see cref="Parameters"/>.</summary>
    public IReadOnlyList<int> Owners { get; }

    /// <summary>The largest global gradient norm; larger gradients are scaled down to it (Pascanu et al., 2013).</summary>
    public float ClipNorm { get; init; } = 1;

    /// <summary>The largest element of a gradient; larger ones are cut, before the norm is taken.</summary>
    public float ClipValue { get; init; } = float.PositiveInfinity;

    /// <summary>Updates made.</summary>
    public int Step { get; private set; }

    /// <summary>Everything that the rules remember, in an order that all ranks share, for checkpoints.</summary>
    public IEnumerable<OptimizerState> State()
    {
        for (int i = 0; i < _slots.Count; i++)
        {
            for (int s = 0; s < _slots[i].Shapes.Length; s++)
                yield return new OptimizerState(Parameters[i].Name + _slots[i].Shapes[s].Suffix, _slots[i].Shapes[s], Owners[i], Owners[i] == Ranks.Rank ? _slots[i].State[s] : null);
        }
    }

    /// <summary>Continues from a checkpoint's step, the state having been filled in.</summary>
    public void Restore(int step) => Step = step;

    /// <summary>
    /// One update from the parameters' gradients, which are then cleared. Returns the gradient's norm before it is scaled. Of several
    /// ranks each updates its own parameters, whose gradients are the sums over all ranks by now.
    /// </summary>
    /// <exception cref="CleaveException">The gradient is not finite; nothing has changed.</exception>
    public double Update(double learningRate)
    {
        double squares = 0;
        for (int i = 0; i < _slots.Count; i++)
        {
            Tensor tensor = _slots[i].Tensor;
            if (!tensor.HasGradient || Owners[i] != Ranks.Rank)
                continue;
            if (float.IsFinite(ClipValue))
                VectorMath.Clamp(tensor.Gradient, -ClipValue, ClipValue);
            squares += VectorMath.SumOfSquares(tensor.Gradient);
        }
        double norm = Math.Sqrt(Ranks.Sum(squares));
        if (!double.IsFinite(norm))
            throw new DivergedException(Step + 1, "gradient");
        float scale = norm > ClipNorm ? (float)(ClipNorm / norm) : 1;
        Step++;
        for (int i = 0; i < _slots.Count; i++)
        {
            (Tensor tensor, ParameterGroup group, _, NativeBuffer[] state) = _slots[i];
            if (!tensor.HasGradient)
                continue;
            if (Owners[i] == Ranks.Rank)
                Apply(tensor, group, state, group.LearningRateScale == 1 ? (float)learningRate : (float)(learningRate * group.LearningRateScale), scale);
            tensor.ClearGradient();
        }
        return norm;
    }

    /// <exception cref="DivergedException">A parameter is not a finite number.</exception>
    public void RequireFinite()
    {
        foreach ((_, Tensor tensor) in Parameters)
        {
            if (!double.IsFinite(VectorMath.SumOfSquares(tensor.Data)))
                throw new DivergedException(Step, "size of the weights");
        }
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
