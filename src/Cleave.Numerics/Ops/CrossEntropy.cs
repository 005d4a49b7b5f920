using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// The mean over rows of −log softmax(logits)[target], times <paramref name="weight"/>. A loss: backward passes start
    /// here. logits (N, K); a target below 0 is skipped and not counted. Returns the mean, without the weight.
    /// </summary>
    /// <param name="smoothing">ε of label smoothing (Szegedy et al., 2016): the target gets 1 − ε, all K share ε.</param>
    public static double CrossEntropy(Tape tape, Tensor logits, ReadOnlySpan<int> targets, float smoothing = 0, float weight = 1)
    {
        Check.Same("CrossEntropy: rows of logits and targets", logits.Rows, targets.Length);
        int counted = 0;
        foreach (int t in targets)
            counted += t >= 0 ? 1 : 0;
        if (counted == 0)
            return 0;
        Tensor gradient = tape.Copy(logits.Data, logits.Rows, logits.Columns);
        double sum = 0;
        for (int r = 0; r < targets.Length; r++)
        {
            Span<float> row = gradient.Data.Slice(r * logits.Columns, logits.Columns);
            if (targets[r] >= 0)
                sum += Kernels.CrossEntropy.ForwardBackward(row, targets[r], smoothing, weight / counted);
            else
                row.Clear();
        }
        RecordLoss(tape, logits, gradient);
        return sum / counted;
    }

    /// <summary>
    /// Distillation (Hinton et al., 2015): the mean over rows of T²·H(p, softmax(logits/T)) with the teacher's
    /// probabilities p (N, K) at the same temperature, times <paramref name="weight"/>. A loss.
    /// </summary>
    public static double SoftCrossEntropy(Tape tape, Tensor logits, ReadOnlySpan<float> probabilities, float temperature, float weight = 1)
    {
        Check.Same("SoftCrossEntropy: elements of logits and probabilities", logits.Length, probabilities.Length);
        Tensor gradient = tape.Copy(logits.Data, logits.Rows, logits.Columns);
        int k = logits.Columns;
        float scale = weight * temperature * temperature / logits.Rows;
        double sum = 0;
        for (int r = 0; r < logits.Rows; r++)
            sum += Kernels.CrossEntropy.ForwardBackwardSoft(gradient.Data.Slice(r * k, k), probabilities.Slice(r * k, k), temperature, scale);
        RecordLoss(tape, logits, gradient);
        return sum * temperature * temperature / logits.Rows;
    }

    private static void RecordLoss(Tape tape, Tensor input, Tensor gradient)
    {
        if (!input.RequiresGradient)
            return;
        LossNode node = tape.Record<LossNode>(null);
        (node.Input, node.Gradient) = (input, gradient);
    }

    /// <summary>A loss computes its gradient while it computes its value; backward only hands it on.</summary>
    private sealed class LossNode : Node
    {
        public Tensor Input = null!;
        public Tensor Gradient = null!;

        public override void Backward() => Accumulate(Input, Gradient.Data);
    }
}
