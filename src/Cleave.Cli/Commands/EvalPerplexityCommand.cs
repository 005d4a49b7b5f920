using System.CommandLine;
using System.Text;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Training;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave eval perplexity</c>: how well a language model predicts a text.</summary>
internal static class EvalPerplexityCommand
{
    private const int WindowsPerReport = 16;
    private static readonly Argument<string> Model = ModelArgument.Create();
    private static readonly Option<string> Text = new("--text") { Description = "A UTF-8 text file.", HelpName = "FILE", Required = true };

    private static readonly Option<int> Context = new("--context")
    {
        Description = "Tokens of a window; windows do not see each other. At most the model's context.",
        HelpName = "N",
        DefaultValueFactory = _ => 512,
    };

    public static Verb Create() => new Verb("perplexity", "Measure how well a language model predicts a text: every token but the first, in windows.")
    {
        Model, Text, Context, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave eval perplexity starter --text book.txt --context 256", "perplexity and bits per byte")
    .Example("cleave eval perplexity starter --text book.txt --context 256 --json", "{\"perplexity\", \"tokens\", \"bits_per_byte\"}")
    .Runs(Run);

    private static int Run(Call call)
    {
        int context = call.Positive(Context);
        string text = ReadText(call.Get(Text));
        LanguageModel model = ModelArgument.Load(call, Model);
        if (context > model.Transformer.Spec.ContextLength)
            throw new CapacityException($"--context {context} is beyond the model's context of {model.Transformer.Spec.ContextLength}");
        int[] tokens = model.Tokenizer.Encode(text);
        double loss;
        using (ProgressLine progress = call.Progress())
            loss = MeanLoss(model.Transformer, tokens, context, progress, call.Cancel);
        int predicted = tokens.Length - 1;
        double bits = loss * predicted / Math.Log(2) / Encoding.UTF8.GetByteCount(text);
        if (!double.IsFinite(loss))
            throw new CleaveException($"{call.Get(Model)}: the loss is not finite; the weights are damaged or out of range");
        if (call.Json)
        {
            call.WriteJson(w =>
            {
                w.WriteStartObject();
                w.WriteNumber("perplexity", Math.Exp(loss));
                w.WriteNumber("tokens", predicted);
                w.WriteNumber("bits_per_byte", bits);
                w.WriteEndObject();
            });
        }
        else
            call.Out.WriteLine($"perplexity {Math.Exp(loss):0.000} over {predicted} tokens, {bits:0.0000} bits per byte");
        return Exit.Done;
    }

    internal static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
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

    // Whole windows at a time, so that progress shows and Ctrl-C is heard; the sum is the same.
    private static double MeanLoss(Transformer model, int[] tokens, int context, ProgressLine progress, CancellationToken cancel)
    {
        if (tokens.Length < 2)
            throw new CleaveException("a text of fewer than two tokens has no perplexity");
        using var tape = new Tape(records: false);
        double sum = 0;
        int step = context * WindowsPerReport;
        for (int start = 0; start < tokens.Length - 1; start += step)
        {
            cancel.ThrowIfCancellationRequested();
            int count = Math.Min(step, tokens.Length - 1 - start);
            sum += Perplexity.MeanLoss(model, tokens.AsSpan(start, count + 1), context, tape) * count;
            progress.Report(new ProgressReport("perplexity", start + count, tokens.Length - 1, "tokens"));
        }
        return sum / (tokens.Length - 1);
    }
}
