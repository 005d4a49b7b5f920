using System.CommandLine;
using Cleave.Cli.Measure;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave bench footprint</c>: what each module of a release takes of this machine.</summary>
internal static class BenchFootprintCommand
{
    private static readonly int[] Shown = [1, 8, 32];

    private static readonly Argument<string> Target = new("RELEASE|MODEL") { Description = "A release's folder, or a model's folder, .gguf file, or 'starter'." };
    private static readonly Option<int> Runs = new("--runs") { Description = "Runs of each measurement; the medians count.", HelpName = "N", DefaultValueFactory = _ => 5 };

    public static Verb Create() => new Verb("footprint", "Measure what each module takes: bytes of weights, keys and values, and the time of reading, of writing and of loading.")
    {
        Target, Runs, SharedOptions.Threads, SharedOptions.Out, SharedOptions.Force, SharedOptions.Json,
    }
    .Example("cleave bench footprint samples/support-desk/release --out samples/support-desk/release.footprint.json", "beside the release, where 'cleave simulate' looks for it")
    .Example("cleave bench footprint starter --json", "the shipped model, as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        string? file = call.Given(SharedOptions.Out) ? call.OutPath() : null;
        Footprints found;
        using (ProgressLine progress = call.Progress())
            found = Measure(call, new FootprintMeter(call.Positive(Runs), progress, call.Cancel));
        if (file is not null)
            found.Save(file);
        if (call.Json)
            call.WriteJson(w => found.ToJson().WriteTo(w));
        else
            WriteText(call, found);
        return Exit.Done;
    }

    private static Footprints Measure(Call call, FootprintMeter meter)
    {
        string target = call.Get(Target);
        IReadOnlyList<ModuleFootprint> modules;
        string hash = "";
        double around;
        if (Release.IsRelease(target))
        {
            modules = meter.Measure(() => Release.Open(target));
            using Release release = Release.Open(target);
            hash = release.Manifest.Hash;
            using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch);
            around = Around(host, modules, call.Cancel);
        }
        else
        {
            LanguageModel model = null!;
            string name = ModelArgument.NameOf(target, target);
            modules = [meter.Measure(name, () => model = ModelArgument.Load(call, target))];
            using var host = new LanguageModelHost(model, name, DateTimeOffset.UnixEpoch);
            around = Around(host, modules, call.Cancel);
        }
        return new Footprints(new FootprintMachine(ProcessorName.Text, ThreadTeam.Shared.Threads, InstructionSets.Active.ToString()), hash, around, modules);
    }

    // By the quickest of the modules, whose own time hides the least of it.
    private static double Around(IModuleHost host, IReadOnlyList<ModuleFootprint> modules, CancellationToken cancel)
    {
        const int Tokens = 8;
        string name = modules.Where(m => host.Modules.Any(h => h.Name == m.Name)).MinBy(m => m.Reading.At(Tokens))?.Name ?? host.Modules[0].Name;
        var request = new ModuleRequest { Module = name, Prompt = "please say when it will be here", MaxTokens = 1 };
        return HttpOverhead.Measure(host, request, cancel).GetAwaiter().GetResult();
    }

    private static void WriteText(Call call, Footprints found)
    {
        string[] steps = [.. Shown.Select(n => $"step of {n}")];
        var table = new TextTable(["module", "weights", "keys and values a token", "load", "read 16 tokens", "256 tokens", .. steps]);
        foreach (ModuleFootprint m in found.Modules)
        {
            string[] writing = [.. Shown.Select(n => m.Writing is { } w ? Time(w.At(n)) : "")];
            table.Row([m.Name, Format.Bytes(m.WeightBytes), m.PageBytes > 0 ? Format.Bytes(m.KeyValueBytes(1) / Numerics.Kernels.KeyValuePages.PagePositions) : "", Time(m.LoadMilliseconds),
                Time(m.Reading.At(16)), Time(m.Reading.At(256)), .. writing]);
        }
        table.Write(call.Out);
        call.Out.WriteLine($"{found.Machine.Processor}, {found.Machine.Threads} threads, {found.Machine.InstructionSet}; around each request {Time(found.RequestMilliseconds)}");
    }

    private static string Time(double milliseconds) => milliseconds >= 100 ? $"{milliseconds:0} ms" : milliseconds >= 1 ? $"{milliseconds:0.0} ms" : $"{1000 * milliseconds:0} µs";
}
