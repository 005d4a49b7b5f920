using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>A second set of a run's weights, kept in its checkpoints: an average over steps, or the best so far.</summary>
public sealed class WeightCopy : IDisposable
{
    private readonly (string Name, Tensor Tensor)[] _parameters;
    private readonly NativeBuffer[] _copies;

    /// <param name="suffix">Behind the parameters' names in checkpoints.</param>
    public WeightCopy(string suffix, IEnumerable<(string Name, Tensor Tensor)> parameters)
    {
        Suffix = suffix;
        _parameters = [.. parameters];
        _copies = [.. _parameters.Select(p => new NativeBuffer(p.Tensor.Length))];
        Take();
    }

    public string Suffix { get; }

    /// <summary>Every copied parameter, by its name in checkpoints.</summary>
    public IEnumerable<(string Name, StateShape Shape, NativeBuffer Buffer)> State() =>
        _parameters.Select((p, i) => (p.Name + Suffix, new StateShape(Suffix, p.Tensor.Rows, p.Tensor.Columns), _copies[i]));

    /// <summary>The copy becomes what the weights are now.</summary>
    public void Take()
    {
        for (int i = 0; i < _copies.Length; i++)
            _parameters[i].Tensor.Data.CopyTo(_copies[i].Span);
    }

    /// <summary>The weights become the copy.</summary>
    public void Give()
    {
        for (int i = 0; i < _copies.Length; i++)
            _copies[i].Span.CopyTo(_parameters[i].Tensor.Data);
    }

    /// <summary>copy = (1 − share) · copy + share · weights.</summary>
    public void Blend(double share)
    {
        for (int i = 0; i < _copies.Length; i++)
            VectorMath.ScaleAndAdd(_copies[i].Span, (float)(1 - share), _parameters[i].Tensor.Data, (float)share);
    }

    /// <summary>Weights and copy change places.</summary>
    public void Swap()
    {
        for (int i = 0; i < _copies.Length; i++)
        {
            Span<float> weights = _parameters[i].Tensor.Data, copy = _copies[i].Span;
            for (int at = 0; at < copy.Length; at++)
                (weights[at], copy[at]) = (copy[at], weights[at]);
        }
    }

    public void Dispose()
    {
        foreach (NativeBuffer copy in _copies)
            copy.Dispose();
    }
}
