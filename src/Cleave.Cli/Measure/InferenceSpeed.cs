using System.Diagnostics;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Cli.Measure;

/// <summary>How fast a model reads and writes.</summary>
/// <param name="Prefill">Prompt tokens a second, of all sequences.</param>
/// <param name="Decode">Generated tokens a second, of all sequences.</param>
internal sealed record InferenceSpeed(double Prefill, double Decode)
{
    /// <summary>
    /// Reads <paramref name="prompt"/> random tokens a sequence and continues greedily, the sequences side by side;
    /// medians over the runs after one that is not counted.
    /// </summary>
    public static InferenceSpeed Measure(Transformer model, int prompt, int generate, int batch, int runs, ulong seed,
        IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        if (prompt + generate > model.Spec.ContextLength)
            throw new CapacityException($"{prompt} prompt and {generate} generated tokens do not fit the model's context of {model.Spec.ContextLength}; lower --prompt or --generate");
        MemoryPlan.Require(batch * KeyValuePages.BytesFor(model.Spec.Layers.Sum(l => l.KeyValueHeads), model.Spec.Layers.Select(l => l.HeadSize).FirstOrDefault(1), prompt + generate, model.CacheFormat),
            $"the cache of {batch} sequences of {prompt + generate} tokens", "lower --batch, --prompt or --generate");
        Rng rng = Rng.For(seed, "bench");
        int[][] prompts = [.. Enumerable.Range(0, batch).Select(_ => Enumerable.Range(0, prompt).Select(_ => rng.NextInt(model.Spec.VocabularySize)).ToArray())];
        var prefill = new double[runs + 1];
        var decode = new double[runs + 1];
        using var tape = new Tape(records: false);
        for (int run = 0; run <= runs; run++)
        {
            (prefill[run], decode[run]) = One(model, tape, prompts, generate, cancel);
            progress?.Report(new ProgressReport("bench", run + 1, runs + 1, "runs"));
        }
        return new InferenceSpeed(batch * prompt / Median.Of(prefill.AsSpan(1)), batch * generate / Median.Of(decode.AsSpan(1)));
    }

    // Seconds of reading the prompts up to the first logits, and of the tokens after that.
    private static (double Prefill, double Decode) One(Transformer model, Tape tape, int[][] prompts, int generate, CancellationToken cancel)
    {
        KeyValuePages[] caches = [.. prompts.Select(_ => model.NewCache())];
        try
        {
            var batch = new TokenBatch();
            var next = new int[prompts.Length];
            long start = Stopwatch.GetTimestamp();
            for (int s = 0; s < prompts.Length; s++)
            {
                next[s] = TokenSampler.ArgMax(model.Read(tape, batch, prompts[s], [caches[s]]).Data);
                tape.Reset();
            }
            double prefill = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            for (int made = 0; made < generate; made++)
            {
                cancel.ThrowIfCancellationRequested();
                batch.Clear();
                for (int s = 0; s < prompts.Length; s++)
                    batch.Add(next.AsSpan(s, 1), caches[s].Length);
                Tensor logits = model.NextLogits(tape, batch, caches);
                for (int s = 0; s < next.Length; s++)
                    next[s] = TokenSampler.ArgMax(logits.Data.Slice(s * logits.Columns, logits.Columns));
                tape.Reset();
            }
            return (prefill, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        finally
        {
            foreach (KeyValuePages cache in caches)
                cache.Dispose();
        }
    }
}
