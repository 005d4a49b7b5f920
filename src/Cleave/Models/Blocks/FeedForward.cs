using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>down(f(gate(x)) ⊙ up(x)) (Shazeer, 2020), or down(f(up(x))) without a gate.</summary>
public sealed class FeedForward(Activation activation, Linear? gate, Linear up, Linear down)
{
    public Linear? Gate { get; private set; } = gate;
    public Linear Up { get; private set; } = up;
    public Linear Down { get; private set; } = down;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int layer, int expert = 0)
    {
        Tensor hidden;
        if (Gate is null)
        {
            hidden = Op.Activate(tape, Up.Forward(tape, x), activation);
        }
        else
        {
            (Tensor gate, Tensor up) = SharedInput.Forward(tape, x, Gate, Up);
            hidden = activation == Activation.Silu ? Op.SwiGlu(tape, gate, up) : Op.Multiply(tape, Op.Activate(tape, gate, activation), up);
        }
        context.Observer?.FeedForwardNeurons(layer, expert, hidden);
        return Down.Forward(tape, hidden);
    }

    internal void Visit(WeightVisitor visitor, string prefix)
    {
        if (Gate is not null)
            Gate = visitor.Linear(prefix + WeightNames.GatePart, Gate);
        Up = visitor.Linear(prefix + WeightNames.UpPart, Up);
        Down = visitor.Linear(prefix + WeightNames.DownPart, Down);
    }
}
