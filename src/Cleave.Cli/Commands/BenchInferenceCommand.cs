using System.CommandLine;
using System.Diagnostics;
using Cleave.Cli.Measure;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Numerics.Threading;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave bench inference</c>: tokens a second of reading a prompt and of continuing it.</summary>
internal static class BenchInferenceCommand
{
    private static readonly Argument<string> Model = ModelArgument.CreateForWeights();
    private static readonly Option<int> Prompt = Whole("--prompt", 512, "Tokens of each prompt.");
    private static readonly Option<int> Generate = Whole("--generate", 128, "Tokens made after each prompt.");
    private static readonly Option<int> Batch = Whole("--batch", 1, "Sequences side by side.");
    private static readonly Option<int> Runs = Whole("--runs", 5, "Runs that are timed, after one that is not; the medians count.");

    public static Verb Create() => new Verb("inference", "Time how fast a model reads a prompt and how fast it continues it.")
    {
        Model, Prompt, Generate, Batch, Runs, CacheFormat.Option, SharedOptions.Threads, SharedOptions.Seed, SharedOptions.Json,
    }
    .Example("cleave bench inference starter --prompt 128 --generate 64", "the shipped model")
    .Example("cleave bench inference starter --prompt 128 --generate 64 --batch 8 --threads 2 --runs 5 --json", "eight sequences at once, as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        int prompt = call.Positive(Prompt), generate = call.Positive(Generate), batch = call.Positive(Batch), runs = call.Positive(Runs);
        (Transformer model, _) = ModelArgument.LoadWeights(call, Model);
        model.CacheFormat = CacheFormat.Of(call);
        InferenceSpeed speed;
        using (ProgressLine progress = call.Progress())
            speed = InferenceSpeed.Measure(model, prompt, generate, batch, runs, call.Seed, progress, call.Cancel);
        long weights = model.WeightBytes;
        long peak = Process.GetCurrentProcess().PeakWorkingSet64;
        if (!call.Json)
        {
            call.Out.WriteLine($"prefill {Format.Count(speed.Prefill)} tokens/s, decode {Format.Count(speed.Decode)} tokens/s "
                + $"({prompt} + {generate} tokens, batch {batch}, {ThreadTeam.Shared.Threads} threads), weights {Format.Bytes(weights)}, peak memory {Format.Bytes(peak)}");
            return Exit.Done;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("model", call.Get(Model));
            w.WriteNumber("threads", ThreadTeam.Shared.Threads);
            w.WriteNumber("batch", batch);
            w.WriteNumber("prompt_tokens", prompt);
            w.WriteNumber("generated_tokens", generate);
            w.WriteNumber("prefill_tokens_per_s", Math.Round(speed.Prefill, 2));
            w.WriteNumber("decode_tokens_per_s", Math.Round(speed.Decode, 2));
            w.WriteNumber("weights_bytes", weights);
            w.WriteNumber("peak_rss_bytes", peak);
            w.WriteEndObject();
        });
        return Exit.Done;
    }

    private static Option<int> Whole(string name, int value, string description) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
}
