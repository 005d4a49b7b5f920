using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Json;
using Cleave.Splitting.Projects;

namespace Cleave.Serving.Allocation;

/// <summary>Where footprints were measured: they hold for such a machine.</summary>
/// <param name="Processor">Its name, or an empty text.</param>
/// <param name="Threads">That computed.</param>
/// <param name="InstructionSet">Of the kernels.</param>
public sealed record FootprintMachine(string Processor, int Threads, string InstructionSet);

/// <summary>
/// The footprints of a release's modules, or of a model, as a file. It is made by the clock, so it is no part of a release and of no hash; it lies beside one.
/// </summary>
/// <param name="Release">The release's hash, or an empty text for a model.</param>
/// <param name="RequestMilliseconds">What a request takes around its module: HTTP, JSON, queues, of one thread.</param>
public sealed record Footprints(FootprintMachine Machine, string Release, double RequestMilliseconds, IReadOnlyList<ModuleFootprint> Modules)
{
    private const int Format = 1, MostModules = 4096, MostPoints = 256;
    private const long MaxBytes = 16 << 20;
    private const string Suffix = ".footprint.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Where the footprints of a release's folder are looked for.</summary>
    public static string Beside(string release) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(release)) + Suffix;

    /// <exception cref="CleaveException">There is no such module.</exception>
    public ModuleFootprint Find(string module) => Modules.FirstOrDefault(m => m.Name == module)
        ?? throw new CleaveException($"there is no footprint of a module '{module}'; there are: {string.Join(", ", Modules.Select(m => m.Name))}");

    /// <exception cref="ModelFileException">The file is missing, damaged or of another format.</exception>
    public static Footprints Load(string path)
    {
        JsonCursor json = JsonFile.Load(path, MaxBytes);
        if (json["format"].Int(1) > Format)
            throw json["format"].Error("was written by a newer program; update Cleave");
        JsonCursor machine = json["machine"];
        var modules = new List<ModuleFootprint>();
        foreach (JsonCursor each in json["modules"].Items())
        {
            ModuleFootprint module = ReadModule(each);
            if (modules.Count == MostModules || modules.Exists(m => m.Name == module.Name))
                throw each.Error(modules.Count == MostModules ? $"more than {MostModules} modules" : $"a second module '{module.Name}'");
            modules.Add(module);
        }
        if (modules.Count == 0)
            throw json["modules"].Error("has no module");
        return new Footprints(new FootprintMachine(machine["processor"].Text(), machine["threads"].Positive(), machine["instruction_set"].Text()),
            json["release"].Text(), NotNegative(json["request_ms"]), modules);
    }

    /// <summary>Writes the file, in one move.</summary>
    /// <exception cref="CleaveException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, ToJson().ToJsonString(Indented) + "\n");

    public JsonObject ToJson() => new()
    {
        ["format"] = Format,
        ["machine"] = new JsonObject { ["processor"] = Machine.Processor, ["threads"] = Machine.Threads, ["instruction_set"] = Machine.InstructionSet },
        ["release"] = Release,
        ["request_ms"] = Math.Round(RequestMilliseconds, 4),
        ["modules"] = new JsonArray([.. Modules.Select(m => (JsonNode)new JsonObject
        {
            ["name"] = m.Name,
            ["kind"] = ProjectReader.NameOf(m.Kind),
            ["weights_bytes"] = m.WeightBytes,
            ["page_bytes"] = m.PageBytes,
            ["context_tokens"] = m.ContextTokens,
            ["load_ms"] = Math.Round(m.LoadMilliseconds, 3),
            ["takes_turns"] = m.TakesTurns,
            ["reading"] = Write(m.Reading, "tokens"),
            ["writing"] = m.Writing is null ? null : Write(m.Writing, "sequences"),
        })]),
    };

    private static JsonArray Write(CostCurve curve, string count) =>
        new([.. curve.Points.Select(p => (JsonNode)new JsonObject { [count] = p.Count, ["ms"] = Math.Round(p.Milliseconds, 5) })]);

    private static ModuleFootprint ReadModule(JsonCursor json)
    {
        TaskKind kind = ProjectReader.KindOf(json["kind"].Text()) ?? throw json["kind"].Expected("classify, generate, extract or language-model");
        return new ModuleFootprint(json["name"].Text(), kind, json["weights_bytes"].Integer(0), json["page_bytes"].Integer(0), json["context_tokens"].Int(0), NotNegative(json["load_ms"]),
            json["takes_turns"].Flag(), ReadCurve(json["reading"], "tokens"), json.Find("writing") is { } writing ? ReadCurve(writing, "sequences") : null);
    }

    private static CostCurve ReadCurve(JsonCursor json, string count)
    {
        var points = new List<CostPoint>();
        foreach (JsonCursor each in json.Items())
        {
            if (points.Count == MostPoints)
                throw json.Error($"has more than {MostPoints} points");
            points.Add(new CostPoint(each[count].Positive(), NotNegative(each["ms"])));
        }
        try
        {
            return new CostCurve(points);
        }
        catch (ArgumentException)
        {
            throw json.Error($"must be points with growing {count} and positive times");
        }
    }

    private static double NotNegative(JsonCursor json) => json.Number() is >= 0 and var value ? value : throw json.Expected("a number that is not negative");
}
