using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>f(dense(x)) of each text's first hidden state, on which a classifier stands.</summary>
public sealed class Pooler(PoolerKind kind, Linear dense)
{
    public Linear Dense { get; private set; } = dense;

    /// <summary>x (B, C) → (B, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x)
    {
        Tensor y = Dense.Forward(tape, x);
        return kind == PoolerKind.ClassifierRelu ? Op.Activate(tape, y, Activation.Relu) : Op.SoftCap(tape, y, 1); // tanh
    }

    internal void Visit(WeightVisitor visitor) => Dense = visitor.Linear(WeightNames.Pooler, Dense);
}
