using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>A norm of one of the kinds, with its weight and, for <see cref="NormKind.Layer"/>, its bias.</summary>
public sealed class Norm(NormKind kind, float epsilon, Tensor weight, Tensor? bias)
{
    /// <summary>(1, C), or (1, D) for heads one by one.</summary>
    public Tensor Weight { get; } = weight;

    public Tensor? Bias { get; } = bias;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x) =>
        kind == NormKind.Rms ? Op.RmsNorm(tape, x, Weight, epsilon) : Op.LayerNorm(tape, x, Weight, Bias, epsilon);

    internal void Visit(WeightVisitor visitor, string name)
    {
        visitor.Tensor(name, Weight);
        if (Bias is not null)
            visitor.Tensor(WeightNames.BiasOf(name), Bias);
    }
}
