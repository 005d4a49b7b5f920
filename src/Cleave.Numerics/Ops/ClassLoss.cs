using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>
    /// Cross-entropy that counts classes and hard rows more: the sum over rows and classes of q·w·(1 − p)^γ·(−log p), over the sum of the
    /// targets' weights, with p = softmax(logits), w the class weights, γ the focus of the focal loss (Lin et al., 2017) and q = 1 − ε at the
    /// target plus ε / K everywhere. A loss, times <paramref name="weight"/>; logits (N, K); a target below 0 is skipped.
    /// </summary>
    /// <param name="classWeights">K weights above 0, or empty for 1.</param>
    /// <param name="focus">γ, 0 for plain cross-entropy.</param>
    /// <param name="smoothing">ε.</param>
    public static double ClassCrossEntropy(Tape tape, Tensor logits, ReadOnlySpan<int> targets, ReadOnlySpan<float> classWeights, float focus = 0, float smoothing = 0, float weight = 1)
    {
        Check.Same("ClassCrossEntropy: rows of logits and targets", logits.Rows, targets.Length);
        if (!classWeights.IsEmpty)
            Check.Same("ClassCrossEntropy: columns of logits and class weights", logits.Columns, classWeights.Length);
        Check.That(focus >= 0 && smoothing is >= 0 and <= 1, "ClassCrossEntropy: the focus is at least 0, the smoothing from 0 to 1");
        int k = logits.Columns;
        double total = 0, sum = 0;
        foreach (int target in targets)
            total += target < 0 ? 0 : classWeights.IsEmpty ? 1 : classWeights[target];
        if (total == 0)
            return 0;
        Tensor gradient = tape.Copy(logits.Data, logits.Rows, k);
        Span<double> log = k <= 512 ? stackalloc double[k] : new double[k];
        for (int r = 0; r < targets.Length; r++)
        {
            Span<float> row = gradient.Data.Slice(r * k, k);
            if (targets[r] < 0)
                row.Clear();
            else
                sum += ClassRow(row, targets[r], classWeights, focus, smoothing, weight / total, log);
        }
        RecordLoss(tape, logits, gradient);
        return sum / total;
    }

    // The row's logits become its gradient. With f = −(1 − p)^γ log p: df/d(log p) = γ·p·(1 − p)^(γ − 1)·log p − (1 − p)^γ.
    private static double ClassRow(Span<float> row, int target, ReadOnlySpan<float> classWeights, float focus, float smoothing, double scale, Span<double> log)
    {
        int k = row.Length;
        double max = Kernels.VectorMath.Max(row), exps = 0, loss = 0, all = 0;
        foreach (float z in row)
            exps += Math.Exp(z - max);
        for (int c = 0; c < k; c++)
            log[c] = row[c] - max - Math.Log(exps);
        for (int c = 0; c < k; c++)
        {
            double q = (c == target ? 1 - smoothing : 0) + smoothing / k, slope = 0;
            q *= classWeights.IsEmpty ? 1 : classWeights[c];
            if (q > 0)
            {
                double p = Math.Exp(log[c]), rest = Math.Max(1 - p, 1e-12), power = focus == 0 ? 1 : Math.Pow(rest, focus);
                loss -= q * power * log[c];
                slope = q * ((focus == 0 ? 0 : focus * p * power / rest * log[c]) - power);
            }
            row[c] = (float)slope;
            all += slope;
        }
        for (int c = 0; c < k; c++)
            row[c] = (float)(scale * (row[c] - Math.Exp(log[c]) * all));
        return loss;
    }
}
