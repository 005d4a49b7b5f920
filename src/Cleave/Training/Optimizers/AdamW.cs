using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Optimizers;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019). Matrices decay; norms and biases (one row) do not.
/// </summary>
public sealed class AdamW : IDisposable
{
    private readonly NativeBuffer[] _first;
    private readonly NativeBuffer[] _second;

    public AdamW(IReadOnlyList<(string Name, Tensor Tensor)> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = parameters;
        _first = [.. parameters.Select(p => new NativeBuffer(p.Tensor.Length))];
        _second = [.. parameters.Select(p => new NativeBuffer(p.Tensor.Length))];
    }

    public IReadOnlyList<(string Name, Tensor Tensor)> Parameters { get; }

    public float Beta1 { get; init; } = 0.9f;
    public float Beta2 { get; init; } = 0.95f;
    public float Epsilon { get; init; } = 1e-8f;
    public float WeightDecay { get; init; } = 0.1f;

    /// <summary>The largest global gradient norm; larger gradients are scaled down to it (Pascanu et al., 2013).</summary>
    public float ClipNorm { get; init; } = 1;

    /// <summary>Updates made.</summary>
    public int Step { get; private set; }

    /// <summary>
    /// One update from the parameters' gradients, which are then cleared. Returns the gradient's norm before clipping.
    /// </summary>
    public double Update(double learningRate)
    {
        double squares = 0;
        foreach ((_, Tensor tensor) in Parameters)
        {
            if (tensor.HasGradient)
                squares += VectorMath.SumOfSquares(tensor.Gradient);
        }
        double norm = Math.Sqrt(squares);
        if (!double.IsFinite(norm))
            throw new CleaveException($"the gradient is not finite at update {Step + 1}: lower the learning rate");
        float scale = norm > ClipNorm ? (float)(ClipNorm / norm) : 1;
        Step++;
        for (int i = 0; i < Parameters.Count; i++)
        {
            Tensor tensor = Parameters[i].Tensor;
            if (!tensor.HasGradient)
                continue;
            float decay = tensor.Rows > 1 ? WeightDecay : 0;
            Numerics.Kernels.AdamW.Update(tensor.Data, tensor.Gradient, _first[i].Span, _second[i].Span,
                (float)learningRate, Beta1, Beta2, Epsilon, decay, Step, scale);
            tensor.ClearGradient();
        }
        return norm;
    }

    /// <summary>The two moments of a parameter, for checkpoints.</summary>
    public (NativeBuffer First, NativeBuffer Second) Moments(int parameter) => (_first[parameter], _second[parameter]);

    /// <summary>Continues from a checkpoint's step, the moments having been filled in.</summary>
    public void Restore(int step) => Step = step;

    public void Dispose()
    {
        foreach (NativeBuffer b in _first)
            b.Dispose();
        foreach (NativeBuffer b in _second)
            b.Dispose();
    }
}
