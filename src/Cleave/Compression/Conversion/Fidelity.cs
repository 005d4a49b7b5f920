using System.Globalization;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Conversion;

/// <summary>How closely a written model computes as its source does, over the same tokens.</summary>
/// <param name="Tokens">Positions compared.</param>
/// <param name="Divergence">Mean Kullback-Leibler divergence of the written model from the source, in nats.</param>
/// <param name="TopAgreement">Share of positions with the same most likely token.</param>
/// <param name="SourcePerplexity">Of the source, on the tokens replayed.</param>
/// <param name="WrittenPerplexity">Of what was written.</param>
public sealed record Fidelity(int Tokens, double Divergence, double TopAgreement, double SourcePerplexity, double WrittenPerplexity, double MostDivergence)
{
    public bool Passed => Divergence <= MostDivergence;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Tokens} tokens replayed: KL {Divergence:0.000000} (at most {MostDivergence:0.######}), same first choice {TopAgreement:P2}, perplexity {SourcePerplexity:0.000} to {WrittenPerplexity:0.000}");

    /// <summary>Runs both models over the prompts.</summary>
    public static Fidelity Measure(Transformer source, Transformer written, IReadOnlyList<int[]> prompts, double mostDivergence,
        IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(prompts);
        int vocabulary = source.Spec.VocabularySize, tokens = 0, same = 0, predicted = 0;
        double divergence = 0, sourceLoss = 0, writtenLoss = 0;
        double[] p = new double[vocabulary], q = new double[vocabulary];
        using Tape first = new(records: false), second = new(records: false);
        foreach (int[] ids in prompts)
        {
            cancel.ThrowIfCancellationRequested();
            Tensor a = source.Logits(first, source.Forward(first, new TokenBatch().Add(ids)));
            Tensor b = written.Logits(second, written.Forward(second, new TokenBatch().Add(ids)));
            for (int t = 0; t < ids.Length; t++, tokens++)
            {
                int top = LogProbabilities(a.Data.Slice(t * vocabulary, vocabulary), p);
                same += top == LogProbabilities(b.Data.Slice(t * vocabulary, vocabulary), q) ? 1 : 0;
                for (int v = 0; v < vocabulary; v++)
                    divergence += Math.Exp(p[v]) * (p[v] - q[v]);
                if (t + 1 == ids.Length)
                    continue;
                sourceLoss -= p[ids[t + 1]];
                writtenLoss -= q[ids[t + 1]];
                predicted++;
            }
            first.Reset();
            second.Reset();
            progress?.Report(new ProgressReport("check", tokens, prompts.Sum(each => each.Length), "tokens"));
        }
        return new Fidelity(tokens, divergence / tokens, (double)same / tokens, Math.Exp(sourceLoss / Math.Max(1, predicted)),
            Math.Exp(writtenLoss / Math.Max(1, predicted)), mostDivergence);
    }

    private static int LogProbabilities(ReadOnlySpan<float> logits, Span<double> logProbabilities)
    {
        int top = 0;
        for (int v = 1; v < logits.Length; v++)
            top = logits[v] > logits[top] ? v : top;
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp((double)logit - logits[top]);
        double shift = logits[top] + Math.Log(sum);
        for (int v = 0; v < logits.Length; v++)
            logProbabilities[v] = logits[v] - shift;
        return top;
    }
}

/// <summary>What was written computes too differently from its source; it was not put in place.</summary>
public sealed class FidelityException(string path, Fidelity fidelity)
    : CleaveException($"{path}: not written, because it differs too much from its source: {fidelity} (choose a finer --type, or --no-check)")
{
    public Fidelity Fidelity { get; } = fidelity;
}
