using System.Text.Json.Nodes;
using Cleave.Formats.Yaml;

namespace Cleave.Tuning.Pruners;

/// <summary>A pruner by name and numbers, as study files and stored studies have it.</summary>
/// <param name="Name">median, asha, hyperband or none.</param>
/// <param name="Startup">For median: nothing is stopped before so many trials are complete.</param>
/// <param name="Warmup">For median: nothing is stopped at steps below.</param>
/// <param name="First">For the others: the first rung, in steps.</param>
/// <param name="Factor">For the others: one in so many goes on.</param>
/// <param name="Steps">For hyperband: how many a whole trial has.</param>
public sealed record StoppingRule(string Name, int Startup = 5, int Warmup = 0, int First = 1, int Factor = 4, int Steps = 64)
{
    public static IReadOnlyList<string> Names { get; } = ["median", "asha", "hyperband", "none"];

    /// <exception cref="ArgumentException">No such rule, or numbers out of range.</exception>
    public IPruner Create() => Name switch
    {
        "median" => new MedianPruner(Startup, Warmup),
        "asha" => new SuccessiveHalvingPruner(First, Factor),
        "hyperband" => new HyperbandPruner(First, Steps, Factor),
        "none" => new NoPruner(),
        _ => throw new ArgumentException($"no stopping rule '{Name}' among {string.Join(", ", Names)}", nameof(Name)),
    };

    /// <summary>Reads the section of a file that chooses a rule and its numbers; mistakes are reported to the file.</summary>
    /// <param name="usual">What holds where the section says nothing.</param>
    public static StoppingRule Read(YamlSection section, StoppingRule usual)
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(usual);
        StoppingRule rule = usual with { Name = section.Choice("rule", usual.Name, [.. Names]) };
        switch (rule.Name)
        {
            case "median":
                rule = rule with { Startup = section.Integer("startup", usual.Startup, 0, 1_000_000), Warmup = section.Integer("warmup", usual.Warmup, 0, int.MaxValue) };
                break;
            case "asha":
                rule = rule with { First = section.Integer("first", usual.First, 1, int.MaxValue), Factor = section.Integer("factor", usual.Factor, 2, 1000) };
                break;
            case "hyperband":
                int first = section.Integer("first", usual.First, 1, int.MaxValue), steps = section.Integer("steps", usual.Steps, 1, int.MaxValue);
                if (steps < first)
                    section.Report("steps", $"'stopping.steps' is how many steps a whole trial has: at least the first rung, {first}");
                rule = rule with { First = first, Steps = Math.Max(first, steps), Factor = section.Integer("factor", usual.Factor, 2, 1000) };
                break;
            default:
                break;
        }
        section.Finish();
        return rule;
    }

    internal JsonObject ToJson() => new() { ["rule"] = Name, ["startup"] = Startup, ["warmup"] = Warmup, ["first"] = First, ["factor"] = Factor, ["steps"] = Steps };

    internal static StoppingRule FromJson(JsonNode json) => new(json["rule"]!.GetValue<string>(), json["startup"]!.GetValue<int>(), json["warmup"]!.GetValue<int>(),
        json["first"]!.GetValue<int>(), json["factor"]!.GetValue<int>(), json["steps"]!.GetValue<int>());
}
