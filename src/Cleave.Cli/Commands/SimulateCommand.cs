using System.CommandLine;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Simulation;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave simulate</c>: how many machines a traffic needs, and what they would do with it.</summary>
internal static class SimulateCommand
{
    private const int MostMachines = 10_000, MostRequests = 50_000_000;

    private static readonly Argument<string> Target = new("RELEASE|FOOTPRINT") { Description = "A file that 'cleave bench footprint' has written, or a release's folder that has one beside it." };
    private static readonly Option<string?> Trace = new("--trace") { Description = "Requests to replay: JSON lines with time, module, prompt_tokens and completion_tokens.", HelpName = "FILE" };
    private static readonly Option<double?> Rate = new("--rate") { Description = "Makes traffic of so many requests a second on average, where there is no trace.", HelpName = "N" };
    private static readonly Option<int> Requests = new("--requests") { Description = "Requests of made traffic.", HelpName = "N", DefaultValueFactory = _ => 100_000 };
    private static readonly Option<string> Shape = new Option<string>("--shape") { Description = "Of made traffic: poisson, diurnal (a day's ups and downs) or bursty.", HelpName = "SHAPE", DefaultValueFactory = _ => "poisson" }
        .AcceptOnlyFromAmong("poisson", "diurnal", "bursty");

    private static readonly Option<string?> Mix = new("--mix")
    {
        Description = "Of made traffic: each module's part, and its mean tokens of prompt and answer, such as intent=3:20,reply=1:24:30. Unless given, all modules alike, 32 tokens each.",
        HelpName = "NAME=PART[:PROMPT[:ANSWER]],…",
    };

    private static readonly Option<string?> SaveTrace = new("--save-trace") { Description = "Writes the made traffic there.", HelpName = "FILE" };
    private static readonly Option<int> Machines = new("--machines") { Description = "Machines of the fleet.", HelpName = "N", DefaultValueFactory = _ => 1 };
    private static readonly Option<double?> P95 = new("--p95") { Description = "Looks for the fewest machines that answer 95% of the requests within so many milliseconds, up to --machines (1024 unless given).", HelpName = "MS" };
    private static readonly Option<int?> Cores = new("--cores") { Description = "Cores of a machine; as many servers share it as the footprint's threads fit into them. One server unless given.", HelpName = "N" };
    private static readonly Option<string?> Memory = new("--memory") { Description = "Memory of a machine for weights, keys and values, such as 2GB; enough unless given.", HelpName = "SIZE" };
    private static readonly Option<string> Placement = new Option<string>("--placement") { Description = "What lies on a machine: the whole release, or modules by their demand.", HelpName = "WAY", DefaultValueFactory = _ => "whole" }
        .AcceptOnlyFromAmong("whole", "modules");

    private static readonly Option<double> Network = new("--network") { Description = "Milliseconds of the network, both ways together.", HelpName = "MS" };
    private static readonly Option<double> Price = new("--price") { Description = "Of a machine for an hour.", HelpName = "N" };
    private static readonly Option<int> Queue = new("--queue") { Description = "Requests that may wait at a server; more are refused.", HelpName = "N", DefaultValueFactory = _ => ServingLimits.Waiting };

    public static Verb Create() => new Verb("simulate", "Replay traffic against measured footprints: what a fleet of any size would do with it, what that costs, and what holds it up.")
    {
        Target, Trace, Rate, Requests, Shape, Mix, SaveTrace, Machines, P95, Cores, Memory, Placement, Network, Price, Queue, ServingArguments.Weights, ServingArguments.MinimumShares,
        SharedOptions.Seed, SharedOptions.Force, SharedOptions.Json,
    }
    .Example("cleave simulate samples/support-desk/release --rate 40 --mix intent=3:20,reply=1:24:30", "one machine, made traffic")
    .Example("cleave simulate samples/support-desk/release --trace monday.jsonl --p95 200 --price 0.34", "how many machines a recorded day needs")
    .Example("cleave simulate footprint.json --rate 8000 --requests 1000000 --shape bursty --machines 128 --cores 16 --memory 4GB --placement modules --json", "a fleet, as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        string target = call.Get(Target);
        bool isRelease = Release.IsRelease(target);
        string file = isRelease ? Footprints.Beside(target) : target;
        if (isRelease && !File.Exists(file))
            throw new CleaveException($"{file}: the release's footprints are not there; measure them with 'cleave bench footprint {target} --out {file}'");
        Footprints footprints = Footprints.Load(file);
        FleetOptions options = Options(call, footprints);
        using ProgressLine progress = call.Progress();
        TrafficTrace trace = Traffic(call, footprints);
        FleetResult result = options.TargetMilliseconds is null ? FleetSimulation.Run(footprints, trace, options, progress, call.Cancel)
            : FleetSearch.Smallest(footprints, trace, options, options.Machines, progress, call.Cancel);
        progress.Dispose();
        if (call.Json)
            call.WriteJson(w => FleetFigures.Write(w, result));
        else
            FleetFigures.Write(call.Out, result);
        return result.MeetsTarget == false ? Exit.No : Exit.Done;
    }

    private static FleetOptions Options(Call call, Footprints footprints)
    {
        const int Usual = 1024;
        double? target = call.Get(P95) is { } p95 ? Above(P95, p95) : null;
        int machines = call.Given(Machines) || target is null ? call.Positive(Machines) : Usual;
        if (machines > MostMachines)
            throw new CleaveException($"{Machines.Name} {machines}: at most {MostMachines}");
        if (call.Get(Cores) is < 1)
            throw new CleaveException($"{Cores.Name} must be at least 1");
        if (!(call.Get(Network) >= 0) || !(call.Get(Price) >= 0) || !double.IsFinite(call.Get(Network) + call.Get(Price)))
            throw new CleaveException($"{Network.Name} and {Price.Name} must not be negative");
        var options = new FleetOptions
        {
            Machines = machines,
            Cores = call.Get(Cores),
            MemoryBytes = ServingArguments.Bytes(call, Memory),
            ByModule = call.Get(Placement) == "modules",
            NetworkMilliseconds = call.Get(Network),
            PricePerHour = call.Get(Price),
            Waiting = call.Positive(Queue),
            Weights = ServingArguments.ReadWeights(call),
            MinimumShares = ServingArguments.ReadMinimumShares(call),
            TargetMilliseconds = target,
        };
        ServingArguments.CheckNames(options.Weights.Keys.Concat(options.MinimumShares.Keys), [.. footprints.Modules.Select(m => m.Name)]);
        return options;
    }

    private static TrafficTrace Traffic(Call call, Footprints footprints)
    {
        if (call.Get(Trace) is { } file)
        {
            Option? stray = new Option[] { Rate, Requests, Shape, Mix, SaveTrace }.FirstOrDefault(call.Given);
            return stray is null ? TrafficTrace.Load(file) : throw new CleaveException($"{stray.Name} makes traffic, and {Trace.Name} replays it; give one of them");
        }
        double rate = Above(Rate, call.Get(Rate) ?? throw new CleaveException($"give {Trace.Name} FILE to replay traffic, or {Rate.Name} N to make some"));
        int requests = call.Positive(Requests);
        if (requests > MostRequests)
            throw new CleaveException($"{Requests.Name} {requests}: at most {MostRequests}");
        TrafficTrace made = new TrafficPattern(Enum.Parse<TrafficShape>(call.Get(Shape), ignoreCase: true), rate, Parts(call, footprints)).Generate(requests, call.Seed);
        if (call.Get(SaveTrace) is { } save)
        {
            if (File.Exists(save) && !call.Force)
                throw new CleaveException($"{save}: exists already; choose another {SaveTrace.Name} or give --force");
            made.Save(save);
        }
        return made;
    }

    private static TrafficPart[] Parts(Call call, Footprints footprints)
    {
        const double Usual = 32;
        if (call.Get(Mix) is not { } mix)
            return [.. footprints.Modules.Select(m => new TrafficPart(m.Name, 1, Usual, m.Writes ? Usual : 1))];
        TrafficPart[] parts = [.. mix.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(text =>
        {
            int equals = text.LastIndexOf('=');
            string[] numbers = equals < 1 ? [] : text[(equals + 1)..].Split(':');
            double[] values = [.. numbers.Select(n => double.TryParse(n, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && value < 1e6 ? value : double.NaN)];
            if (values.Length is 0 or > 3 || values.Any(double.IsNaN))
                throw new CleaveException($"{Mix.Name}: '{text}' must be a module's name, = and its part, with :PROMPT or :PROMPT:ANSWER behind it for mean tokens");
            ModuleFootprint module = footprints.Find(text[..equals]);
            if (!module.Writes && values.Length == 3)
                throw new CleaveException($"{Mix.Name}: '{text}': '{module.Name}' does not write, so its answers have no length");
            return new TrafficPart(module.Name, values[0], values.Length > 1 ? values[1] : Usual, values.Length > 2 ? values[2] : module.Writes ? Usual : 1);
        })];
        if (parts.GroupBy(p => p.Module, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new CleaveException($"{Mix.Name}: '{twice.Key}' is there twice");
        return parts.Length > 0 ? parts : throw new CleaveException($"{Mix.Name}: no module is named");
    }

    private static double Above(Option option, double value) => value > 0 && double.IsFinite(value) ? value
        : throw new CleaveException($"{option.Name} {value.ToString(CultureInfo.InvariantCulture)} must be above 0");
}
