using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Calibration;

/// <summary>A matrix whose inputs are counted on their way in.</summary>
internal sealed class ObservedLinear(Linear inner, InputStatistics statistics) : Linear
{
    public Linear Inner { get; } = inner;

    public override int Inputs => Inner.Inputs;
    public override int Outputs => Inner.Outputs;
    public override long Bytes => Inner.Bytes;
    public override Tensor? Bias => Inner.Bias;

    public override Linear WithBias(Tensor? bias) => new ObservedLinear(Inner.WithBias(bias), statistics);

    public override Tensor Forward(Tape tape, Tensor x)
    {
        statistics.Add(x);
        return Inner.Forward(tape, x);
    }

    public override void CopyRow(int row, Span<float> destination) => Inner.CopyRow(row, destination);
}
