using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Ops;

public static partial class Op
{
    /// <summary>The log-likelihood of each text: the sum over its rows of log softmax(logits)[target]. logits (N, V).</summary>
    /// <param name="rows">How many rows each text has; together N.</param>
    public static void LogLikelihoods(Tensor logits, ReadOnlySpan<int> targets, ReadOnlySpan<int> rows, Span<double> likelihoods)
    {
        Check.Same("LogLikelihoods: rows of logits and targets", logits.Rows, targets.Length);
        for (int text = 0, row = 0; text < rows.Length; text++)
        {
            likelihoods[text] = 0;
            for (int end = row + rows[text]; row < end; row++)
                likelihoods[text] -= Kernels.CrossEntropy.Loss(logits.Data.Slice(row * logits.Columns, logits.Columns), targets[row]);
        }
    }

    /// <summary>
    /// Direct preference optimization (Rafailov et al., 2023): the mean over pairs of −log σ(β·((π_w − ρ_w) − (π_l − ρ_l))), with the
    /// log-likelihoods π of the preferred text w and the other l, and ρ those that a frozen reference gives. A loss, times
    /// <paramref name="weight"/>; logits (N, V) of all texts' rows, pair by pair, the preferred first.
    /// </summary>
    /// <param name="rows">How many rows each text has; two texts a pair.</param>
    /// <param name="reference">ρ of each text.</param>
    /// <returns>The mean loss, and the share of pairs in which the preferred text gained more.</returns>
    public static (double Loss, double Accuracy) PreferenceLoss(Tape tape, Tensor logits, ReadOnlySpan<int> targets, ReadOnlySpan<int> rows,
        ReadOnlySpan<double> reference, float beta, float weight = 1)
    {
        Check.Same("PreferenceLoss: texts and their references", rows.Length, reference.Length);
        Check.That(rows.Length > 0 && rows.Length % 2 == 0, "PreferenceLoss: texts come in pairs");
        Span<double> likelihoods = rows.Length <= 256 ? stackalloc double[rows.Length] : new double[rows.Length];
        LogLikelihoods(logits, targets, rows, likelihoods);
        int pairs = rows.Length / 2, row = 0, k = logits.Columns;
        double loss = 0, accuracy = 0;
        Tensor gradient = tape.Copy(logits.Data, logits.Rows, k);
        for (int text = 0; text < rows.Length; text++)
        {
            int preferred = text - text % 2, other = preferred + 1;
            double margin = beta * (likelihoods[preferred] - reference[preferred] - (likelihoods[other] - reference[other]));
            if (text == preferred)
            {
                loss += Math.Max(-margin, 0) + Math.Log(1 + Math.Exp(-Math.Abs(margin))); // log(1 + e⁻ᵐ) without overflow
                accuracy += margin > 0 ? 1 : 0;
            }
            float scale = (float)((text == preferred ? 1 : -1) * weight * beta / (1 + Math.Exp(margin)) / pairs);
            for (int end = row + rows[text]; row < end; row++)
                Kernels.CrossEntropy.ForwardBackward(gradient.Data.Slice(row * k, k), targets[row], 0, scale);
        }
        RecordLoss(tape, logits, gradient);
        return (loss / pairs, accuracy / pairs);
    }
}
