using System.CommandLine;
using System.Text;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Tokenizers;
using Cleave.Training.Scoring;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave eval perplexity</c>: how well a language model predicts a text, alone or beside another.</summary>
internal static class EvalPerplexityCommand
{
    internal const int UsualContext = 512;
    private static readonly Argument<string> Model = ModelArgument.CreateForWeights();
    private static readonly Option<string> Text = new("--text") { Description = "A UTF-8 text file.", HelpName = "FILE", Required = true };

    private static readonly Option<int> Context = new("--context")
    {
        Description = "Tokens of a window, at most the model's context.",
        HelpName = "N",
        DefaultValueFactory = _ => UsualContext,
    };

    private static readonly Option<int?> Stride = new("--stride")
    {
        Description = "How far a window is from the one before: every token is predicted once, from at least context - stride tokens. Unless given, --context: windows do not overlap.",
        HelpName = "N",
    };

    private static readonly Option<string?> Compare = new("--compare")
    {
        Description = "A reference with the same vocabulary, such as the model before quantization: divergence from it, changed first choices, ratio of perplexities.",
        HelpName = "MODEL",
    };

    private static readonly Option<double?> MaxKl = new("--max-kl")
    {
        Description = "With --compare: exit status 1 where the mean divergence is above this, in nats a token.",
        HelpName = "X",
    };

    public static Verb Create() => new Verb("perplexity", "Measure how well a language model predicts a text: every token but the first, once, as Hugging Face counts (llama.cpp counts the second half of each window).")
    {
        Model, Text, Context, Stride, Compare, MaxKl, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave eval perplexity starter --text book.txt --context 256 --stride 128", "perplexity with its interval and bits per byte; each token from at least 128 before it")
    .Example("cleave eval perplexity model-Q4_0.gguf --compare hf:owner/name --text book.txt --max-kl 0.02", "what quantization has cost; exit status 1 where it is too much")
    .Example("cleave eval perplexity starter --text book.txt --context 256 --json", "{\"perplexity\", \"tokens\", \"bits_per_byte\", …}")
    .Runs(Run);

    private static int Run(Call call)
    {
        if (call.Get(MaxKl) is { } most && (call.Get(Compare) is null || !(most >= 0)))
            throw new CleaveException("--max-kl is a number of at least 0, and needs --compare");
        (string text, long bytes) = ReadText(call.Get(Text));
        (Transformer model, Lazy<ITokenizer?> tokenizer) = ModelArgument.LoadWeights(call, Model);
        Transformer? reference = null;
        Lazy<ITokenizer?>? other = null;
        if (call.Get(Compare) is { } name)
            (reference, other) = ModelArgument.LoadWeights(call, name);
        int context = call.Given(Context) ? call.Positive(Context)
            : Math.Min(UsualContext, Math.Min(model.Spec.ContextLength, reference?.Spec.ContextLength ?? int.MaxValue));
        int stride = call.Get(Stride) ?? context;
        if (stride < 1 || stride > context)
            throw new CleaveException($"--stride {stride} must be from 1 to the {context} tokens of a window");
        int[] tokens = Encode(call, text, tokenizer.Value, other?.Value);
        TokenScore[] scores;
        using (var scorer = new TextScorer(model, reference))
        using (ProgressLine progress = call.Progress())
            scores = scorer.Score(tokens, context, stride, progress, call.Cancel);
        var quality = TextQuality.Of(scores, bytes);
        TextComparison? comparison = reference is null ? null : TextComparison.Of(scores);
        bool tooFar = comparison?.Divergence.Mean > call.Get(MaxKl);
        if (call.Json)
            call.WriteJson(w => WriteJson(w, quality, comparison, context, stride, call.Get(MaxKl), tooFar));
        else
            WriteText(call, quality, comparison, tooFar);
        return tooFar ? Exit.No : Exit.Done;
    }

    private static int[] Encode(Call call, string text, ITokenizer? tokenizer, ITokenizer? other)
    {
        if ((tokenizer ?? other) is not { } used)
            throw new CleaveException($"{call.Get(Model)}: has no tokenizer that can be read; --compare it with the Hugging Face folder that it was made from, or give a folder");
        int[] tokens = used.Encode(text);
        if (tokenizer is not null && other is not null && !tokens.AsSpan().SequenceEqual(other.Encode(text)))
            throw new CleaveException($"{call.Get(Model)} and {call.Get(Compare)} cut this text into different tokens; models can be compared token by token only with one tokenizer");
        return tokens.Length >= 2 ? tokens : throw new CleaveException("a text of fewer than two tokens has no perplexity");
    }

    internal static (string Text, long Bytes) ReadText(string path)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            ReadOnlySpan<byte> content = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes;
            return (new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content), content.Length);
        }
        catch (DecoderFallbackException)
        {
            throw new DataFileException(path, "is not UTF-8 text");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException(path, $"cannot be read: {e.Message}");
        }
    }

    private static void WriteText(Call call, TextQuality quality, TextComparison? comparison, bool tooFar)
    {
        call.Out.WriteLine($"perplexity {quality.Perplexity:0.000} [{quality.Interval.Low:0.000}, {quality.Interval.High:0.000}] over {quality.Loss.Tokens} tokens, {quality.BitsPerByte:0.0000} bits per byte");
        if (comparison is not { } c)
            return;
        call.Out.WriteLine($"{call.Get(Compare)}: perplexity {c.ReferencePerplexity:0.000}; ratio {c.PerplexityRatio:0.0000} ± {c.PerplexityRatioError:0.0000}");
        call.Out.WriteLine($"divergence from it: mean {c.Divergence.Mean:0.000000} ± {c.Divergence.StandardError:0.000000} nats a token, 99% {c.Divergence99:0.000000}, largest {c.LargestDivergence:0.000000}");
        call.Out.WriteLine($"another token comes first at {100 * c.Flips.Value:0.00}% [{100 * c.Flips.Low:0.00}, {100 * c.Flips.High:0.00}] of the tokens");
        if (tooFar)
            call.Out.WriteLine($"TOO FAR: the mean divergence is above {call.Get(MaxKl)}");
    }

    private static void WriteJson(Utf8JsonWriter w, TextQuality quality, TextComparison? comparison, int context, int stride, double? maxKl, bool tooFar)
    {
        w.WriteStartObject();
        w.WriteNumber("perplexity", quality.Perplexity);
        w.WriteNumber("tokens", quality.Loss.Tokens);
        w.WriteNumber("bits_per_byte", quality.BitsPerByte);
        Finite(w, "low", quality.Interval.Low);
        Finite(w, "high", quality.Interval.High);
        w.WriteNumber("confidence", 0.95);
        w.WriteNumber("context", context);
        w.WriteNumber("stride", stride);
        if (comparison is { } c)
        {
            w.WriteStartObject("compare");
            w.WriteNumber("perplexity", c.ReferencePerplexity);
            w.WriteNumber("perplexity_ratio", c.PerplexityRatio);
            Finite(w, "perplexity_ratio_se", c.PerplexityRatioError);
            w.WriteNumber("mean_kl", c.Divergence.Mean);
            Finite(w, "mean_kl_se", c.Divergence.StandardError);
            w.WriteNumber("kl_99", c.Divergence99);
            w.WriteNumber("max_kl", c.LargestDivergence);
            w.WriteNumber("flips", c.Flips.Value);
            w.WriteNumber("flips_low", c.Flips.Low);
            w.WriteNumber("flips_high", c.Flips.High);
            if (maxKl is { } limit)
            {
                w.WriteNumber("limit", limit);
                w.WriteBoolean("passed", !tooFar);
            }
            w.WriteEndObject();
        }
        w.WriteEndObject();
    }

    // JSON has no infinity: two tokens have no interval.
    private static void Finite(Utf8JsonWriter w, string name, double value)
    {
        if (double.IsFinite(value))
            w.WriteNumber(name, value);
        else
            w.WriteNull(name);
    }
}
