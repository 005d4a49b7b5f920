using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Training.Pretraining;

namespace Cleave.Training.Distillation;

/// <summary>The windows of an update: of the text, or with a second half that the student has written. They are a function of the update's number and the student.</summary>
internal sealed class DistillationBatch(int[] tokens, int context, TextDistillationOptions options, bool moving)
{
    private readonly TokenStream _stream = new(tokens, context, options.Seed, moving);
    private readonly TokenBatch _read = new();

    /// <summary>Tokens of a window.</summary>
    public int Context => context;

    public TokenBatch Tokens { get; } = new();

    /// <summary>By row the next token, or −1 where it is not learnt.</summary>
    public int[] Targets { get; } = new int[options.Batch * context];

    /// <summary>Where in the text each window begins.</summary>
    public int[] Starts { get; } = new int[options.Batch];

    /// <summary>By row whether the student wrote the next token.</summary>
    public bool[] Own { get; } = new bool[options.Batch * context];

    public void Fill(int step, Transformer student)
    {
        int[][] windows = new int[options.Batch][];
        Rng rng = Rng.For(options.Seed, $"on-policy {step}");
        List<int> written = [];
        for (int b = 0; b < windows.Length; b++)
        {
            windows[b] = _stream.Window((long)step * options.Batch + b).ToArray();
            Starts[b] = _stream.Start((long)step * options.Batch + b);
            if (options.OnPolicy > 0 && rng.NextDouble() < options.OnPolicy)
                written.Add(b);
        }
        int prompt = Math.Max(1, context / 2);
        if (written.Count > 0)
            Write(student, [.. written.Select(b => windows[b])], prompt, rng);
        Tokens.Clear();
        for (int b = 0; b < windows.Length; b++)
        {
            Tokens.Add(windows[b].AsSpan(0, context));
            windows[b].AsSpan(1).CopyTo(Targets.AsSpan(b * context));
            bool own = written.Contains(b);
            Own.AsSpan(b * context, context).Fill(own);
            if (own)
                Targets.AsSpan(b * context, prompt - 1).Fill(-1);
        }
    }

    /// <summary>Overwrites what follows the prompt in each window with samples of the student's own distribution.</summary>
    private void Write(Transformer student, int[][] windows, int prompt, Rng rng)
    {
        using var tape = new Tape(records: false);
        KeyValuePages[] caches = [.. windows.Select(_ => student.NewCache())];
        TokenSampler[] samplers = [.. windows.Select(_ => new TokenSampler(new SamplingOptions { Temperature = 1, TopP = 1, Seed = rng.NextUInt64() }.Checked()))];
        try
        {
            for (int at = prompt; at <= context; at++)
            {
                _read.Clear();
                for (int w = 0; w < windows.Length; w++)
                    _read.Add(at == prompt ? windows[w].AsSpan(0, prompt) : windows[w].AsSpan(at - 1, 1), caches[w].Length);
                Tensor logits = student.NextLogits(tape, _read, caches);
                for (int w = 0; w < windows.Length; w++)
                    windows[w][at] = samplers[w].Next(logits.Data.Slice(w * logits.Columns, logits.Columns)).Token;
                tape.Reset();
            }
        }
        finally
        {
            foreach (KeyValuePages cache in caches)
                cache.Dispose();
        }
    }
}
