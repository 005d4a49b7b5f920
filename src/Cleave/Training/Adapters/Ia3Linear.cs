using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Adapters;

/// <summary>(IA)³ (Liu et al., 2022): y = l ⊙ (x·Wᵀ + b), or y = (l ⊙ x)·Wᵀ + b for the last matrix of a feed-forward network; W is frozen.</summary>
public sealed class Ia3Linear : AdaptedLinear
{
    /// <param name="factors">l: (1, outputs), or (1, inputs) with <paramref name="ofInputs"/>.</param>
    public Ia3Linear(Linear original, Tensor factors, bool ofInputs) : base(original)
    {
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(factors);
        if (factors.Length != (ofInputs ? original.Inputs : original.Outputs))
            throw new ArgumentException($"{factors.Length} factors for a matrix of ({original.Outputs}, {original.Inputs})", nameof(factors));
        (Factors, OfInputs) = (factors, ofInputs);
    }

    /// <summary>l</summary>
    public Tensor Factors { get; }

    /// <summary>Whether inputs are scaled rather than outputs.</summary>
    public bool OfInputs { get; }

    public override Tensor? Bias => Original.Bias;

    public override Linear WithBias(Tensor? bias) => new Ia3Linear(Original.WithBias(bias), Factors, OfInputs);

    public override IEnumerable<(string Name, Tensor Tensor)> Parameters => [("ia3_l", Factors)];

    public override Tensor Forward(Tape tape, Tensor x) => OfInputs
        ? Original.Forward(tape, Op.ScaleColumns(tape, x, Factors))
        : Op.ScaleColumns(tape, Original.Forward(tape, x), Factors);

    public override void CopyRow(int row, Span<float> destination)
    {
        Original.CopyRow(row, destination);
        if (OfInputs)
            VectorMath.Multiply(destination, Factors.Data, destination);
        else
            VectorMath.Scale(destination, Factors.Data[row]);
    }

    protected override ReadOnlySpan<float> MergedBias()
    {
        float[] bias = Bias!.Data.ToArray();
        if (!OfInputs)
            VectorMath.Multiply(bias, Factors.Data, bias);
        return bias;
    }
}
