using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Compression.Conversion;
using Cleave.Compression.Quantization;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Durable;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Models.Blocks;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave quantize</c>: a model with fewer bits a weight.</summary>
internal static class QuantizeCommand
{
    private const double Same = 1e-3; // what half-precision leftovers may change of what was quantized in memory

    private static readonly Option<string> Method = PruneCommand.Choice("--method",
        "How weights are rounded: gptq lets the weights of a row make good each other's errors, importance and awq weigh inputs by their size on the calibration text, "
        + "smooth evens out activations for 8 bits, rtn rounds to nearest and needs no text.", [.. QuantizationMethod.Names]);

    private static readonly Option<string?> Type = new("--type") { Description = $"Of a GGUF file: {string.Join(", ", TypeMix.All.Where(m => m.Base.Blocks() is not null).Select(m => m.Name))} (unless given Q4_K_M). A folder holds Q8_0.", HelpName = "TYPE" };
    private static readonly Option<string> Rotate = PruneCommand.Choice("--rotate", "Turn inner coordinates so that no channel stands out: the values of attention's heads, or also the residual stream.", Enum.GetNames<RotatedPart>());
    private static readonly Option<bool> Pad = new("--pad") { Description = "Widen feed-forward networks with neurons of zeros to whole blocks; without it what no block fits stays in half precision." };
    private static readonly Option<long?> Bytes = new("--bytes") { Description = "Choose each matrix's type so that all matrices take at most so many bytes.", HelpName = "N" };
    private static readonly Option<double?> Divergence = new("--kl") { Description = "Choose each matrix's type so that the divergence, in nats a token, stays about below this.", HelpName = "X" };

    private static readonly Option<int> Heal = new("--heal") { Description = "With --method rtn: updates of training on the calibration text with rounded weights (2,048 tokens each); 0 for none.", HelpName = "N", DefaultValueFactory = _ => 0 };
    private static readonly Option<double> Rate = new("--learning-rate") { Description = "Of --heal.", HelpName = "X", DefaultValueFactory = _ => 1e-4 };

    public static Verb Create() => new Verb("quantize", "Store a model's matrices in blocks of few bits, chosen so that its outputs change least.")
    {
        CompressionVerb.Model, SharedOptions.Out, Method, Type, CompressionVerb.Calibration, CompressionVerb.CalibrationTokens, Rotate, Pad, Bytes, Divergence, Heal, Rate,
        CompressionVerb.Text, CompressionVerb.Check, SharedOptions.Seed, SharedOptions.Force, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave quantize starter --out starter-q8 --method rtn", "8 bits: next to nothing is lost, no text is needed; a folder")
    .Example("cleave quantize starter --out starter.gguf --type Q4_0 --pad --calibration task.txt --text held-out.txt --check", "4 bits by GPTQ, compared with the model before")
    .Example("cleave quantize starter --out starter.gguf --method awq --type Q3_K_S --pad --calibration task.txt", "3 bits by activation-aware scales")
    .Example("cleave quantize starter --out starter.gguf --method rtn --heal 300 --type Q4_0 --pad --calibration task.txt", "trained to be rounded: the most work, the least loss at few bits")
    .Example("cleave quantize starter --out starter.gguf --kl 0.02 --pad --calibration task.txt", "a type for each matrix, within a budget of divergence")
    .Runs(Run);

    private static int Run(Call call)
    {
        string output = call.OutPath();
        bool toGguf = output.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase);
        QuantizationRequest request = Request(call, toGguf);
        (LanguageModel source, LanguageModel copy, (string, long)? text) = CompressionVerb.Load(call);
        if (toGguf && source.Heads.Count > 0)
            throw new CleaveException($"{call.Get(CompressionVerb.Model)}: a model with heads for tasks cannot be a GGUF file, which has no place for them; give a folder as --out");
        int[] tokens = CompressionVerb.CalibrationIds(call, source, request.NeedsText);
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment());
        long started = Stopwatch.GetTimestamp();
        IReadOnlyDictionary<string, int> types;
        using (ProgressLine progress = call.Progress())
        {
            (LanguageModel model, types) = new QuantizationJob(request, progress, call.Cancel).Run(copy, tokens);
            if (toGguf)
                ModelConverter.ToGguf(model, Path.GetFileNameWithoutExtension(output), output, Export(request, call), progress, call.Cancel);
            else
                AtomicFolder.Create(output, folder => ModelFolder.Save(folder, model, WeightType.Q8), call.Force);
        }
        string method = $"{call.Get(Method)} {(request.Bytes is null && request.Divergence is null ? request.Mix.Name : "mixed")}";
        return CompressionVerb.Report(call, method, output, call.Get(CompressionVerb.Model), source, text, started, meter, ("types", string.Join(", ", types.OrderByDescending(t => t.Value).Select(t => $"{t.Value} {t.Key}"))));
    }

    private static ConversionOptions Export(QuantizationRequest request, Call call) => new()
    {
        // What no blocks fit stays in half precision, as it does in the mixes.
        Mix = request.Mix with { MostDivergence = Same },
        KeepBlocks = true,
        Overwrite = call.Force,
        Seed = call.Seed,
    };

    private static QuantizationRequest Request(Call call, bool toGguf)
    {
        string? type = call.Get(Type);
        bool budget = call.Get(Bytes) is not null || call.Get(Divergence) is not null;
        if (call.Get(Bytes) is not null && call.Get(Divergence) is not null || budget && type is not null)
            throw new CleaveException("--type, --bytes and --kl each choose the types; give one of them");
        if (call.Get(Bytes) is <= 0 || call.Get(Divergence) is { } kl && !(kl > 0))
            throw new CleaveException("--bytes and --kl must be above 0");
        if (!toGguf && (budget || type is not null && !type.Equals("Q8_0", StringComparison.OrdinalIgnoreCase)))
            throw new CleaveException("a folder holds matrices of Q8_0 alone; for other types give --out a path that ends in .gguf");
        if (call.Given(Rate) && call.Get(Heal) == 0)
            throw new CleaveException("--learning-rate is for --heal");
        if (call.Get(Heal) < 0 || !(call.Get(Rate) > 0) || call.Get(Heal) > 0 && call.Get(Method) != "rtn")
            throw new CleaveException("--heal trains for --method rtn, whose rounding it repeats at every update; it and --learning-rate must not be negative");
        TypeMix mix = TypeMix.Find(type ?? (toGguf ? "Q4_K_M" : "Q8_0"));
        if (mix.Base.Blocks() is null)
            throw new CleaveException($"--type: {mix.Name} has no blocks; cleave convert writes it");
        (Rounding rounding, ChannelChange change) = QuantizationMethod.Find(call.Get(Method));
        return new QuantizationRequest(mix, rounding)
        {
            Change = change,
            Rotated = Enum.Parse<RotatedPart>(call.Get(Rotate), ignoreCase: true),
            Pad = call.Get(Pad),
            Bytes = call.Get(Bytes),
            Divergence = call.Get(Divergence),
            CalibrationTokens = call.Positive(CompressionVerb.CalibrationTokens),
            Seed = call.Seed,
            Heal = call.Get(Heal),
            LearningRate = call.Get(Rate),
        };
    }
}
