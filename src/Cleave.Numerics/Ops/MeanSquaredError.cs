using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// The mean over all elements of (x − y)², times <paramref name="weight"/>; y is given, not learnt. A loss: backward passes start
    /// here. x (N, C), y (N, C). Returns the mean, without the weight.
    /// </summary>
    /// <exception cref="ArgumentException">The two have different sizes.</exception>
    public static double MeanSquaredError(Tape tape, Tensor x, ReadOnlySpan<float> y, float weight = 1)
    {
        Check.Same("MeanSquaredError: elements of x and y", x.Length, y.Length);
        Tensor gradient = tape.Copy(x.Data, x.Rows, x.Columns);
        VectorMath.AddScaled(gradient.Data, y, -1);
        double mean = VectorMath.SumOfSquares(gradient.Data) / x.Length;
        VectorMath.Scale(gradient.Data, 2 * weight / x.Length);
        RecordLoss(tape, x, gradient);
        return mean;
    }
}
