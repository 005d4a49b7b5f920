using System.Diagnostics;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Training;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Cli.Measure;

/// <summary>What a run of training steps cost.</summary>
/// <param name="TokensPerSecond">From the median step.</param>
/// <param name="Gflops">6 · parameters · tokens a second, in units of 10⁹: forward and backward of every weight.</param>
/// <param name="AllocatedBytesPerStep">Managed memory, the median over steps.</param>
/// <param name="ActivationBytes">Held for activations and their gradients.</param>
internal sealed record TrainingSpeed(long Parameters, double TokensPerSecond, double Gflops, long AllocatedBytesPerStep, long ActivationBytes)
{
    /// <summary>
    /// Times forward, backward, clipping and AdamW in float32 on a batch of random tokens, one uncounted step first.
    /// </summary>
    public static TrainingSpeed Measure(TransformerSpec spec, int batch, int steps, ulong seed, TrainingMemory memory, IProgress<ProgressReport>? progress,
        CancellationToken cancel)
    {
        if (spec.Problem() is { } problem)
            throw new CleaveException($"this shape is impossible: {problem}");
        Rng rng = Rng.For(seed, "bench");
        MemoryPlan.Require(memory.Activations(spec, (long)batch * spec.ContextLength) + 16 * spec.Parameters,
            $"training {spec.Parameters:N0} weights on {batch} sequences of {spec.ContextLength} tokens", "lower --batch or --context, or give --recompute or --activations bfloat16");
        Transformer model = Transformer.Create(spec, rng);
        model.TrainingMemory = memory;
        var tokens = new TokenBatch();
        int[] ids = new int[spec.ContextLength];
        for (int b = 0; b < batch; b++)
        {
            foreach (ref int id in ids.AsSpan())
                id = rng.NextInt(spec.VocabularySize);
            tokens.Add(ids);
        }
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Parameters()], new Adam()) { WeightDecay = 0.1f });
        var trainer = new Trainer(optimizer, new CosineSchedule(1e-3, 1, steps + 1));
        var seconds = new double[steps + 1];
        var allocated = new long[steps + 1];
        long started = Stopwatch.GetTimestamp(), before = GC.GetTotalAllocatedBytes(precise: true);
        long held = 0;
        trainer.Run((Tape tape, int _, int _) =>
            {
                held = tape.HeldBytes;
                return model.Loss(tape, model.Forward(tape, tokens), tokens.Ids.Span);
            },
            step =>
            {
                seconds[step.Step - 1] = Stopwatch.GetElapsedTime(started).TotalSeconds;
                allocated[step.Step - 1] = GC.GetTotalAllocatedBytes(precise: true) - before;
                progress?.Report(new ProgressReport("train", step.Step, steps + 1, "steps"));
                before = GC.GetTotalAllocatedBytes(precise: true);
                started = Stopwatch.GetTimestamp();
                return true;
            }, cancel);
        double perSecond = (double)batch * spec.ContextLength / Median.Of(seconds.AsSpan(1));
        return new TrainingSpeed(spec.Parameters, perSecond, 6.0 * spec.Parameters * perSecond / 1e9, (long)Median.Of(allocated.AsSpan(1)), held);
    }
}
