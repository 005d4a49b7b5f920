using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>down(silu(gate(x)) ⊙ up(x)): Shazeer, 2020.</summary>
public sealed class FeedForward(Linear gate, Linear up, Linear down)
{
    public Linear Gate { get; internal set; } = gate;
    public Linear Up { get; internal set; } = up;
    public Linear Down { get; internal set; } = down;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int layer)
    {
        (Tensor gate, Tensor up) = SharedInput.Forward(tape, x, Gate, Up);
        Tensor hidden = Op.SwiGlu(tape, gate, up);
        context.Observer?.FeedForwardNeurons(layer, hidden);
        return Down.Forward(tape, hidden);
    }
}
