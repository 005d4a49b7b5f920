using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Cleave.Cli.Measure;
using Cleave.Cli.Shell;
using Cleave.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave bench tokenizer</c>: how fast a model's tokenizer turns text into ids, on one core.</summary>
internal static class BenchTokenizerCommand
{
    private static readonly Argument<string> Model = ModelArgument.CreateForTokenizer();
    private static readonly Option<string> Text = new("--text") { Description = "A UTF-8 text file; every line is encoded by itself.", HelpName = "FILE", Required = true };
    private static readonly Option<int> Runs = new("--runs") { Description = "Passes over the text that are timed, after one that is not; the median counts.", HelpName = "N", DefaultValueFactory = _ => 5 };

    public static Verb Create() => new Verb("tokenizer", "Time how fast a model's tokenizer encodes a text, on one core.")
    {
        Model, Text, Runs, SharedOptions.Json,
    }
    .Example("cleave bench tokenizer starter --text README.md", "megabytes and tokens a second")
    .Example("cleave bench tokenizer starter --text corpus.txt --runs 9 --json", "as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        ITokenizer tokenizer = ModelArgument.LoadTokenizer(call, Model);
        int runs = call.Positive(Runs);
        string[] lines = Lines(call.Get(Text));
        long bytes = lines.Sum(l => (long)Encoding.UTF8.GetByteCount(l) + 1), tokens = 0;
        var seconds = new double[runs + 1];
        using (ProgressLine progress = call.Progress())
        {
            for (int run = 0; run <= runs; run++)
            {
                call.Cancel.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                tokens = 0;
                foreach (string line in lines)
                    tokens += tokenizer.Encode(line).Length;
                seconds[run] = Stopwatch.GetElapsedTime(start).TotalSeconds;
                progress.Report(new ProgressReport("bench", run + 1, runs + 1, "runs"));
            }
        }
        double median = Median.Of(seconds.AsSpan(1));
        if (!call.Json)
        {
            call.Out.WriteLine($"{bytes / median / 1e6:0.0} MB/s, {Format.Count(tokens / median)} tokens/s ({Format.Bytes(bytes)}, {Format.Count(tokens)} tokens, one core)");
            return Exit.Done;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("model", call.Get(Model));
            w.WriteNumber("bytes", bytes);
            w.WriteNumber("tokens", tokens);
            w.WriteNumber("megabytes_per_s", Math.Round(bytes / median / 1e6, 3));
            w.WriteNumber("tokens_per_s", Math.Round(tokens / median, 1));
            w.WriteEndObject();
        });
        return Exit.Done;
    }

    private static string[] Lines(string path)
    {
        try
        {
            string[] lines = File.ReadAllLines(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return lines.Length > 0 ? lines : throw new DataFileException(path, "the file is empty; give a text to encode");
        }
        catch (DecoderFallbackException)
        {
            throw new DataFileException(path, "the text is not valid UTF-8");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException(path, $"cannot be read: {error.Message}");
        }
    }
}
