using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Compression.Conversion;
using Cleave.Models;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave convert</c>: Hugging Face folder ⇄ GGUF file, compared before it is put in place.</summary>
internal static class ConvertCommand
{
    private static readonly Argument<string> Source = new("IN") { Description = "A model's folder in Hugging Face's form, a .gguf file, or 'starter'." };
    private static readonly Argument<string> Target = new("OUT") { Description = "A path ending in .gguf for a GGUF file, any other for a Hugging Face folder." };

    private static readonly Option<string?> Type = new("--type")
    {
        Description = $"Of a GGUF file: {string.Join(", ", TypeMix.All.Select(m => m.Name))} (unless given F16). Of a folder: F32 (unless given) or BF16.",
        HelpName = "TYPE",
    };

    private static readonly Option<string?> Importance = new("--imatrix") { Description = "Importance of every column, as llama-imatrix writes it.", HelpName = "FILE" };
    private static readonly Option<string?> Text = new("--text") { Description = "A UTF-8 text to replay in the check; without it random tokens.", HelpName = "FILE" };
    private static readonly Option<bool> NoCheck = new("--no-check") { Description = "Do not replay prompts through source and result." };

    public static Verb Create() => new Verb("convert", "Turn a Hugging Face folder into a GGUF file or back, and compare the two before the result is put in place.")
    {
        Source, Target, Type, Importance, Text, NoCheck, SharedOptions.Seed, SharedOptions.Force, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave convert starter starter.gguf --type Q4_K_M", "a GGUF file of 4-bit blocks; exit status 1 where it differs too much from its source")
    .Example("cleave convert starter.gguf folder --type BF16", "a Hugging Face folder")
    .Example("cleave convert starter small.gguf --type Q3_K_M --imatrix imatrix.gguf --text book.txt", "what counts most is kept best")
    .Runs(Run);

    private static int Run(Call call)
    {
        string target = call.Get(Target), name = call.Get(Source);
        bool toGguf = IsGguf(target), fromGguf = IsGguf(name);
        if (toGguf == fromGguf)
            throw new CleaveException($"{name}, {target}: one of the two is a .gguf file and the other a model's folder");
        ConversionOptions options = Options(call, toGguf);
        LanguageModel source = fromGguf ? GgufModel.LoadWithTokenizer(name) : ModelFolder.Load(BaseModel.Find(name, Environment.CurrentDirectory));
        Fidelity? fidelity;
        try
        {
            using ProgressLine progress = call.Progress();
            fidelity = toGguf
                ? ModelConverter.ToGguf(source, Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(name)), target, options, progress, call.Cancel)
                : ModelConverter.ToFolder(source, target, options, progress, call.Cancel);
        }
        catch (FidelityException e)
        {
            Report(call, target, e.Fidelity, written: false);
            call.Say(e.Message);
            return Exit.No;
        }
        Report(call, target, fidelity, written: true);
        return Exit.Done;
    }

    private static ConversionOptions Options(Call call, bool toGguf)
    {
        string? type = call.Get(Type);
        if (!toGguf && call.Get(Importance) is not null)
            throw new CleaveException("--imatrix is for GGUF files");
        return new ConversionOptions
        {
            Mix = toGguf ? TypeMix.Find(type ?? "F16") : null,
            FolderType = toGguf ? WeightType.F32 : type?.ToUpperInvariant() switch
            {
                null or "F32" => WeightType.F32,
                "BF16" => WeightType.BF16,
                _ => throw new CleaveException($"--type: a folder is written as F32 or BF16, not as {type}"),
            },
            Importance = call.Get(Importance) is { } file ? ImportanceMatrix.Load(file) : null,
            Check = !call.Get(NoCheck),
            Text = call.Get(Text) is { } text ? EvalPerplexityCommand.ReadText(text).Text : null,
            Seed = call.Seed,
            Overwrite = call.Force,
        };
    }

    private static void Report(Call call, string target, Fidelity? fidelity, bool written)
    {
        long bytes = !written ? 0 : File.Exists(target) ? new FileInfo(target).Length : new DirectoryInfo(target).EnumerateFiles().Sum(f => f.Length);
        if (!call.Json)
        {
            if (written)
                call.Out.WriteLine($"{target}: {Format.Bytes(bytes)}{(fidelity is null ? ", not checked" : $"; {fidelity}")}");
            return;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("out", target);
            w.WriteBoolean("written", written);
            w.WriteNumber("bytes", bytes);
            if (fidelity is not null)
            {
                w.WriteNumber("tokens", fidelity.Tokens);
                w.WriteNumber("kl", fidelity.Divergence);
                w.WriteNumber("kl_bound", fidelity.MostDivergence);
                w.WriteNumber("top1_agreement", fidelity.TopAgreement);
                w.WriteNumber("source_perplexity", fidelity.SourcePerplexity);
                w.WriteNumber("written_perplexity", fidelity.WrittenPerplexity);
            }
            w.WriteEndObject();
        });
    }

    private static bool IsGguf(string path) => path.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase);
}
