using System.CommandLine;
using Cleave.Cli.Measure;
using Cleave.Cli.Shell;
using Cleave.Models;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave bench training</c>: tokens a second of forward, backward, clipping and AdamW.</summary>
internal static class BenchTrainingCommand
{
    private static readonly Option<int> Vocabulary = Whole("--vocab", 4096, "Vocabulary size.");
    private static readonly Option<int> Width = Whole("--dim", 256, "Width of the residual stream.");
    private static readonly Option<int> Layers = Whole("--layers", 6, "Layers.");
    private static readonly Option<int> Heads = Whole("--heads", 8, "Attention heads; they divide --dim into even parts.");
    private static readonly Option<int> FeedForward = Whole("--ffn", 688, "Width of the feed-forward blocks.");
    private static readonly Option<int> Batch = Whole("--batch", 8, "Sequences in a step.");
    private static readonly Option<int> Context = Whole("--context", 256, "Tokens in a sequence.");
    private static readonly Option<int> Steps = Whole("--steps", 6, "Steps that are timed, after one that is not; the median counts.");

    private static readonly Option<bool> Recompute = new("--recompute") { Description = "Keep only each layer's input for the backward pass and compute the rest again: less memory, a third more work, the same result." };

    private static readonly Option<string> Activations = new Option<string>("--activations")
    {
        Description = "How activations are kept for the backward pass: float32, or bfloat16 for half the memory.",
        HelpName = "TYPE",
        DefaultValueFactory = _ => "float32",
    }.AcceptOnlyFromAmong("float32", "bfloat16");

    public static Verb Create() => new Verb("training", "Time training steps of a Llama-shaped model in float32 with random weights.")
    {
        Vocabulary, Width, Layers, Heads, FeedForward, Batch, Context, Steps, Recompute, Activations,
        SharedOptions.Threads, SharedOptions.Seed, SharedOptions.Json,
    }
    .Example("cleave bench training", "the standard shape of 5.8 million parameters")
    .Example("cleave bench training --vocab 8192 --dim 512 --layers 8 --ffn 1376 --batch 4 --threads 2 --json", "a larger one, as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        int dim = call.Positive(Width), heads = call.Positive(Heads);
        if (dim % heads != 0)
            throw new CleaveException($"--dim {dim} is not a multiple of --heads {heads}");
        TransformerSpec spec = TransformerSpec.Uniform(call.Positive(Vocabulary), dim, call.Positive(Layers), heads, heads,
            call.Positive(FeedForward), call.Positive(Context));
        call.Detail($"{spec.Parameters} parameters, {call.Positive(Batch)} sequences of {spec.ContextLength} tokens a step");
        TrainingSpeed speed;
        using (ProgressLine progress = call.Progress())
            speed = TrainingSpeed.Measure(spec, call.Positive(Batch), call.Positive(Steps), call.Seed,
                new TrainingMemory(call.Get(Recompute), call.Get(Activations) == "bfloat16"), progress, call.Cancel);
        if (call.Json)
        {
            call.WriteJson(w =>
            {
                w.WriteStartObject();
                w.WriteNumber("parameters", speed.Parameters);
                w.WriteNumber("tokens_per_s", Math.Round(speed.TokensPerSecond, 1));
                w.WriteNumber("gflops", Math.Round(speed.Gflops, 1));
                w.WriteNumber("allocated_bytes_per_step", speed.AllocatedBytesPerStep);
                w.WriteNumber("activation_bytes", speed.ActivationBytes);
                w.WriteEndObject();
            });
        }
        else
        {
            call.Out.WriteLine($"{Format.Count(speed.Parameters)} parameters, {Format.Count(speed.TokensPerSecond)} tokens/s, "
                + $"{speed.Gflops:0.0} GFLOP/s, {Format.Bytes(speed.AllocatedBytesPerStep)} managed memory a step, {Format.Bytes(speed.ActivationBytes)} of activations");
        }
        return Exit.Done;
    }

    private static Option<int> Whole(string name, int value, string description) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
}
