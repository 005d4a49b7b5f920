using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>norm(f(dense(x))): what stands before the projection to the vocabulary where masked tokens are guessed (Devlin et al., 2019).</summary>
public sealed class MaskedHead(Activation activation, Linear dense, Norm norm)
{
    public Linear Dense { get; private set; } = dense;
    public Norm Norm { get; } = norm;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x) => Norm.Forward(tape, Op.Activate(tape, Dense.Forward(tape, x), activation));

    internal void Visit(WeightVisitor visitor)
    {
        Dense = visitor.Linear(WeightNames.MaskedDense, Dense);
        Norm.Visit(visitor, WeightNames.MaskedNorm);
    }
}
