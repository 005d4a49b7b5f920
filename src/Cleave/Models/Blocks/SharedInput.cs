using Cleave.Numerics.Autograd;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Several projections of one x: those that can share its quantized form do, in one hand-off to the threads.</summary>
internal static class SharedInput
{
    public static (Tensor A, Tensor B) Forward(Tape tape, Tensor x, Linear a, Linear b)
    {
        if (Weights(x, a) is not { } wa || Weights(x, b) is not { } wb || !wa.SharesInput(wb))
            return (a.Forward(tape, x), b.Forward(tape, x));
        Tensor ya = tape.New(x.Rows, wa.Rows), yb = tape.New(x.Rows, wb.Rows);
        QuantizedMatrix.MultiplyTransposed(x.Data, x.Rows, wa, ya.Data, wb, yb.Data);
        return (ya, yb);
    }

    public static (Tensor A, Tensor B, Tensor C) Forward(Tape tape, Tensor x, Linear a, Linear b, Linear c)
    {
        if (Weights(x, a) is not { } wa || Weights(x, b) is not { } wb || Weights(x, c) is not { } wc || !wa.SharesInput(wb) || !wa.SharesInput(wc))
            return (a.Forward(tape, x), b.Forward(tape, x), c.Forward(tape, x));
        Tensor ya = tape.New(x.Rows, wa.Rows), yb = tape.New(x.Rows, wb.Rows), yc = tape.New(x.Rows, wc.Rows);
        QuantizedMatrix.MultiplyTransposed(x.Data, x.Rows, wa, ya.Data, wb, yb.Data, wc, yc.Data);
        return (ya, yb, yc);
    }

    // What refuses a gradient is left to say so itself.
    private static QuantizedMatrix? Weights(Tensor x, Linear linear) =>
        !x.RequiresGradient && linear is QuantizedLinear { Bias: null } quantized ? quantized.Weight : null;
}
