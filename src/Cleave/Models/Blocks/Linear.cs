using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>
/// A matrix product y = x·Wᵀ (+ b), W (outputs, inputs): the seam at which pruned, quantized and adapted weights are
/// installed without the blocks above noticing.
/// </summary>
public abstract class Linear
{
    public abstract int Inputs { get; }
    public abstract int Outputs { get; }

    /// <summary>Bytes of the weights as they are held.</summary>
    public abstract long Bytes { get; }

    /// <summary>b (1, outputs), or null.</summary>
    public abstract Tensor? Bias { get; }

    /// <summary>The same matrix with another bias, or none.</summary>
    public abstract Linear WithBias(Tensor? bias);

    /// <summary>x (N, inputs) → y (N, outputs).</summary>
    public abstract Tensor Forward(Tape tape, Tensor x);

    /// <summary>y (N, outputs) += b.</summary>
    internal void AddBias(Tensor y)
    {
        for (int r = 0; r < y.Rows && Bias is not null; r++)
            Numerics.Kernels.VectorMath.AddInPlace(y.Data.Slice(r * Outputs, Outputs), Bias.Data);
    }

    /// <summary>Row <paramref name="row"/> of W as float32.</summary>
    public abstract void CopyRow(int row, Span<float> destination);
}

/// <summary>Float32 weights that can be trained.</summary>
public sealed class DenseLinear(Tensor weight, Tensor? bias = null) : Linear
{
    public Tensor Weight { get; } = weight;
    public override Tensor? Bias { get; } = bias;

    public override int Inputs => Weight.Columns;
    public override int Outputs => Weight.Rows;
    public override long Bytes => 4L * (Weight.Length + (Bias?.Length ?? 0));

    public override Linear WithBias(Tensor? bias) => new DenseLinear(Weight, bias);

    public override Tensor Forward(Tape tape, Tensor x) => Op.Linear(tape, x, Weight, Bias);

    public override void CopyRow(int row, Span<float> destination) =>
        Weight.Data.Slice(row * Inputs, Inputs).CopyTo(destination);
}

/// <summary>Weights that are not trained, as their file has them; gradients pass through them.</summary>
public abstract class FrozenLinear<TMatrix>(TMatrix weight, Tensor? bias) : Linear where TMatrix : IFrozenMatrix
{
    public TMatrix Weight { get; } = weight;
    public override Tensor? Bias { get; } = bias;

    public override int Inputs => Weight.Columns;
    public override int Outputs => Weight.Rows;
    public override long Bytes => Weight.Bytes + 4L * (Bias?.Length ?? 0);

    public override Tensor Forward(Tape tape, Tensor x)
    {
        if (x.RequiresGradient)
            return Op.FrozenLinear(tape, x, Weight, Bias);
        Tensor y = tape.New(x.Rows, Outputs);
        Weight.MultiplyTransposed(x.Data, x.Rows, y.Data);
        AddBias(y);
        return y;
    }
}

/// <summary>Frozen weights in sixteen bits.</summary>
public sealed class HalfLinear(HalfMatrix weight, Tensor? bias = null) : FrozenLinear<HalfMatrix>(weight, bias)
{
    public override Linear WithBias(Tensor? bias) => new HalfLinear(Weight, bias);

    public override void CopyRow(int row, Span<float> destination) => Weight.CopyRow(row, destination);
}

/// <summary>Frozen weights in blocks with a scale each, in one of GGUF's formats.</summary>
public sealed class QuantizedLinear(QuantizedMatrix weight, Tensor? bias = null) : FrozenLinear<QuantizedMatrix>(weight, bias)
{
    public override Linear WithBias(Tensor? bias) => new QuantizedLinear(Weight, bias);

    public override void CopyRow(int row, Span<float> destination) => Weight.DequantizeRow(row, destination);
}
