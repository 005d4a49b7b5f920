using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cleave.Formats.HuggingFace;
using Cleave.Json;

namespace Cleave.Training.Adapters;

/// <summary>adapter_config.json of Hugging Face's PEFT, as far as LoRA, DoRA and (IA)³ need it.</summary>
internal sealed record PeftConfig(AdapterOptions Options)
{
    public const string FileName = "adapter_config.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The model that it was trained on, as its maker called it; a hint for people.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Ranks and alphas of modules that differ from the others, by pattern.</summary>
    public IReadOnlyList<(Regex Pattern, double Value)> Alphas { get; private init; } = [];

    public bool HasBiases { get; private init; }

    public double AlphaOf(string module) => Alphas.Where(a => a.Pattern.IsMatch(module)).Select(a => (double?)a.Value).FirstOrDefault() ?? Options.Alpha;

    /// <exception cref="ModelFileException">It is no adapter, or one of another kind.</exception>
    public static PeftConfig Read(string folder)
    {
        JsonCursor json = JsonFile.Load(Path.Combine(folder, FileName));
        string type = json["peft_type"].Text();
        if (type is not ("LORA" or "IA3"))
            throw json["peft_type"].Error($"adapters of the type {type} are not supported; LORA (with DoRA) and IA3 are");
        if (json.Find("layer_replication") is { } replicated)
            throw replicated.Error("layers that are used twice are not supported");
        bool lora = type == "LORA";
        var options = new AdapterOptions(!lora ? AdapterKind.Ia3 : json.Flag("use_dora", false) ? AdapterKind.Dora : AdapterKind.Lora)
        {
            Rank = lora ? json["r"].Positive() : 1,
            Alpha = lora ? json.Number("lora_alpha", 8) : 1,
            RankStabilized = lora && json.Flag("use_rslora", false),
            Targets = json.Find("target_modules") is { Kind: JsonValueKind.Array } targets ? [.. targets.Items().Select(t => t.Text())] : [],
        };
        if (!(options.Alpha > 0))
            throw json["lora_alpha"].Error("must be above 0");
        return new PeftConfig(options)
        {
            BaseModel = json.Find("base_model_name_or_path")?.Text(),
            HasBiases = json.Text("bias", "none") != "none",
            Alphas = [.. (json.Find("alpha_pattern")?.Members() ?? []).Select(m => (Pattern(m.Name, m.Value), m.Value.Number()))],
        };
    }

    public string Write(Adapter adapter, bool transposed)
    {
        AdaptedModule[] all = [.. adapter.Modules];
        IReadOnlyList<string> names = adapter.TargetNames();
        var json = new JsonObject
        {
            ["base_model_name_or_path"] = BaseModel,
            ["peft_type"] = Options.Kind == AdapterKind.Ia3 ? "IA3" : "LORA",
            ["task_type"] = null,
            ["inference_mode"] = true,
            ["target_modules"] = new JsonArray([.. names.Select(n => (JsonNode)n)]),
            ["fan_in_fan_out"] = transposed,
            ["modules_to_save"] = null,
        };
        if (Options.Kind == AdapterKind.Ia3)
        {
            json["feedforward_modules"] = new JsonArray([.. names.Where(n => all.Any(m => ((Ia3Linear)m.Parts[0].Linear).OfInputs && ("." + m.Name).EndsWith("." + n, StringComparison.Ordinal))).Select(n => (JsonNode)n)]);
        }
        else
        {
            json["r"] = Options.Rank;
            json["lora_alpha"] = Options.Alpha;
            json["lora_dropout"] = 0.0;
            json["bias"] = "none";
            json["use_dora"] = Options.Kind == AdapterKind.Dora;
            json["use_rslora"] = Options.RankStabilized;
            json["rank_pattern"] = Differing(all, m => ((LoraLinear)m.Parts[0].Linear).Rank, Options.Rank);
            json["alpha_pattern"] = Differing(all, m => m.Alpha, Options.Alpha);
        }
        return json.ToJsonString(Indented) + "\n";
    }

    private static JsonObject Differing(IEnumerable<AdaptedModule> modules, Func<AdaptedModule, double> value, double usual) =>
        new(modules.Where(m => value(m) != usual).Select(m => KeyValuePair.Create<string, JsonNode?>(m.Name, value(m))));

    // PEFT matches a pattern against the end of a module's name, from the beginning or behind a dot.
    private static Regex Pattern(string pattern, JsonCursor at)
    {
        try
        {
            return new Regex($"^(?:.*\\.)?(?:{pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw at.Error($"the pattern cannot be used: {e.Message}");
        }
    }
}
