using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Training;

/// <summary>How well a language model predicts a text.</summary>
public static class Perplexity
{
    private const int TokensPerBatch = 2048;

    /// <summary>
    /// Mean negative log-likelihood in nats of tokens 1 … n−1, the text cut into windows of <paramref name="context"/>
    /// predicted tokens that do not see each other.
    /// </summary>
    public static double MeanLoss(Transformer model, ReadOnlySpan<int> tokens, int context, Tape tape)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tape);
        if (tokens.Length < 2)
            throw new CleaveException("a text of fewer than two tokens has no perplexity");
        var batch = new TokenBatch();
        var targets = new List<int>();
        double sum = 0;
        for (int start = 0; start < tokens.Length - 1; start += context)
        {
            int count = Math.Min(context, tokens.Length - 1 - start);
            batch.Add(tokens.Slice(start, count));
            foreach (int target in tokens.Slice(start + 1, count))
                targets.Add(target);
            if (targets.Count >= TokensPerBatch || start + context >= tokens.Length - 1)
            {
                sum += Sum(model, batch, targets, tape);
                batch.Clear();
                targets.Clear();
                tape.Reset();
            }
        }
        return sum / (tokens.Length - 1);
    }

    private static double Sum(Transformer model, TokenBatch batch, List<int> targets, Tape tape)
    {
        Tensor hidden = model.Forward(tape, batch);
        if (model.Output is DenseLinear)
            return model.Loss(tape, hidden, [.. targets]) * targets.Count;
        double sum = 0;
        Tensor logits = model.Logits(tape, hidden);
        for (int r = 0; r < targets.Count; r++)
            sum += CrossEntropy.Loss(logits.Data.Slice(r * logits.Columns, logits.Columns), targets[r]);
        return sum;
    }
}
