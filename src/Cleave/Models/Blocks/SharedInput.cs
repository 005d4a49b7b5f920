using Cleave.Numerics.Autograd;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Several projections of one x: those that can share its quantized form do, in one hand-off to the threads.</summary>
internal static class SharedInput
{
    public static (Tensor A, Tensor B) Forward(Tape tape, Tensor x, Linear a, Linear b)
    {
        if (Quantized(x, a) is not { Weight: var wa } qa || Quantized(x, b) is not { Weight: var wb } qb || !wa.SharesInput(wb))
            return (a.Forward(tape, x), b.Forward(tape, x));
        Tensor ya = tape.New(x.Rows, wa.Rows), yb = tape.New(x.Rows, wb.Rows);
        QuantizedMatrix.MultiplyTransposed(x.Data, x.Rows, wa, ya.Data, wb, yb.Data);
        qa.AddBias(ya);
        qb.AddBias(yb);
        return (ya, yb);
    }

    public static (Tensor A, Tensor B, Tensor C) Forward(Tape tape, Tensor x, Linear a, Linear b, Linear c)
    {
        if (Quantized(x, a) is not { Weight: var wa } qa || Quantized(x, b) is not { Weight: var wb } qb || Quantized(x, c) is not { Weight: var wc } qc
            || !wa.SharesInput(wb) || !wa.SharesInput(wc))
            return (a.Forward(tape, x), b.Forward(tape, x), c.Forward(tape, x));
        Tensor ya = tape.New(x.Rows, wa.Rows), yb = tape.New(x.Rows, wb.Rows), yc = tape.New(x.Rows, wc.Rows);
        QuantizedMatrix.MultiplyTransposed(x.Data, x.Rows, wa, ya.Data, wb, yb.Data, wc, yc.Data);
        qa.AddBias(ya);
        qb.AddBias(yb);
        qc.AddBias(yc);
        return (ya, yb, yc);
    }

    // What a gradient passes through is computed with x as it is, one by one.
    private static QuantizedLinear? Quantized(Tensor x, Linear linear) => x.RequiresGradient ? null : linear as QuantizedLinear;
}
