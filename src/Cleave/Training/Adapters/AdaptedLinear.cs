using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Adapters;

/// <summary>A frozen matrix with something small beside it that is trained.</summary>
public abstract class AdaptedLinear(Linear original) : Linear
{
    /// <summary>The frozen matrix, with its bias.</summary>
    public Linear Original { get; } = original;

    public override int Inputs => Original.Inputs;
    public override int Outputs => Original.Outputs;

    /// <summary>What is trained, by its name in adapter files.</summary>
    public abstract IEnumerable<(string Name, Tensor Tensor)> Parameters { get; }

    public override long Bytes => Original.Bytes + Parameters.Sum(p => 4L * p.Tensor.Length);

    /// <summary>The adapted matrix as one, (outputs, inputs), and its bias.</summary>
    public DenseLinear Merged()
    {
        Tensor weight = Tensor.Parameter(Outputs, Inputs);
        for (int row = 0; row < Outputs; row++)
            CopyRow(row, weight.Data.Slice(row * Inputs, Inputs));
        return new DenseLinear(weight, Bias is null ? null : Tensor.From(MergedBias(), 1, Outputs));
    }

    /// <summary>The bias as it is once the adapter is merged; only where there is one.</summary>
    protected virtual ReadOnlySpan<float> MergedBias() => Bias!.Data;
}
