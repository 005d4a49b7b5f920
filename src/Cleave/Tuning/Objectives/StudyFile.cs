using System.Text.Json.Nodes;
using Cleave.Formats.Yaml;
using Cleave.Tuning.Pruners;
using Cleave.Tuning.Samplers;

namespace Cleave.Tuning.Objectives;

/// <summary>A study as a file describes it: what is searched, how, and which command answers.</summary>
/// <param name="Folder">Where the command runs: the file's folder.</param>
public sealed record StudyFile(string Folder, StudyDefinition Definition, StudyPlan Plan)
{
    private static readonly Dictionary<string, double> Seconds = new() { ["ms"] = 1e-3, ["s"] = 1, ["min"] = 60, ["h"] = 3600 };

    /// <exception cref="ProjectException">The file has mistakes: all of them.</exception>
    public static StudyFile Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        (YamlFile file, YamlSection root) = YamlFile.Load(path);
        string name = root.Text("name") ?? Path.GetFileNameWithoutExtension(path);
        Direction[] directions = Directions(root);
        int trials = root.Integer("trials", 100, 1, 10_000_000);
        string sampler = root.Choice("sampler", "auto", [.. SamplerNames.All]);
        ulong seed = root.Seed("seed", 7);
        StoppingRule stopping = root.Section("stopping") is { } rule ? StoppingRule.Read(rule, new StoppingRule("median")) : new StoppingRule("none");
        (string command, TimeSpan? timeout) = Objective(root.Section("objective", required: true));
        SearchSpace? space = null;
        if (root.Json("space", required: true) is { } json)
        {
            var problems = new List<string>();
            space = SearchSpaceJson.Read(json, problems);
            foreach (string problem in problems)
                root.Report("space", problem);
        }
        root.Finish();
        file.ThrowIfAny();
        return new StudyFile(Path.GetDirectoryName(Path.GetFullPath(path))!, new StudyDefinition(name, space!, directions, seed),
            new StudyPlan(trials, sampler, stopping, command, timeout));
    }

    private static Direction[] Directions(YamlSection root)
    {
        IReadOnlyList<string> names = root.Texts("directions");
        if (root.Has("direction") && names.Count > 0)
            root.Report("direction", "'direction' and 'directions' are both given: one objective has a direction, several have directions");
        if (names.Count == 0)
            return [root.Choice("direction", "minimize", "minimize", "maximize") == "minimize" ? Direction.Minimize : Direction.Maximize];
        foreach (string other in names.Where(n => n is not ("minimize" or "maximize")))
            root.Report("directions", $"a direction is minimize or maximize, not '{other}'");
        return [.. names.Select(n => n == "maximize" ? Direction.Maximize : Direction.Minimize)];
    }

    private static (string Command, TimeSpan? Timeout) Objective(YamlSection? section)
    {
        if (section is null)
            return ("", null);
        string command = section.Text("command", required: true) ?? "";
        section.Choice("protocol", "lines", "lines");
        double? seconds = section.Quantity("timeout", Seconds);
        section.Finish();
        return (command, seconds is { } s ? TimeSpan.FromSeconds(Math.Min(s, 1e7)) : null);
    }
}
