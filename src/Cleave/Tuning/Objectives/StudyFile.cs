using System.Text.Json.Nodes;
using Cleave.Formats.Yaml;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Pruners;

namespace Cleave.Tuning.Objectives;

/// <summary>A study as a file describes it: what is searched, how, and which command answers.</summary>
/// <param name="Folder">Where the command runs: the file's folder.</param>
public sealed record StudyFile(string Folder, StudyDefinition Definition, StudyPlan Plan)
{
    private static readonly Dictionary<string, double> Seconds = new() { ["ms"] = 1e-3, ["s"] = 1, ["min"] = 60, ["h"] = 3600 };

    /// <summary>Whom to ask for advice, or null.</summary>
    public AdvisorOptions? Advisor { get; private init; }

    /// <summary>Parameters that are tried before the sampler is asked.</summary>
    public IReadOnlyList<ParameterSet> Start { get; private init; } = [];

    /// <summary>What <c>advisor.ask</c> says; the definition's space keeps to it already.</summary>
    public UnderstoodRequest Request { get; private init; } = UnderstoodRequest.None;

    /// <exception cref="ProjectException">The file has mistakes: all of them.</exception>
    public static StudyFile Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        (YamlFile file, YamlSection root) = YamlFile.Load(path);
        string name = root.Text("name") ?? Path.GetFileNameWithoutExtension(path);
        Direction[] directions = Directions(root);
        int trials = root.Integer("trials", 100, 1, 10_000_000);
        string sampler = root.Choice("sampler", "auto", [.. AdvisorOptions.SamplerChoices]);
        AdvisorOptions? advisor = AdvisorOptions.Read(root, sampler);
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
        UnderstoodRequest request = space is null || advisor is null ? UnderstoodRequest.None : Narrow(root, advisor.Ask, ref space);
        IReadOnlyList<ParameterSet> start = Starts(root, space);
        root.Finish();
        file.ThrowIfAny();
        return new StudyFile(Path.GetDirectoryName(Path.GetFullPath(path))!, new StudyDefinition(name, space!, directions, seed),
            new StudyPlan(trials, sampler, stopping, command, timeout))
        {
            Advisor = advisor,
            Request = request,
            Start = start,
        };
    }

    private static List<ParameterSet> Starts(YamlSection root, SearchSpace? space)
    {
        var starts = new List<ParameterSet>();
        if (!root.Has("start"))
            return starts;
        if (root.Node("start") is not JsonArray list)
        {
            root.Report("start", "'start' is a list of parameter sets, such as [{x: 1, y: 2}]");
            return starts;
        }
        foreach (JsonNode? node in list)
        {
            try
            {
                ParameterSet set = ParameterSet.FromJson(node as JsonObject);
                starts.Add(set);
                foreach (string problem in space?.Problems(set) ?? [])
                    root.Report("start", $"'start' number {starts.Count}: {problem}");
            }
            catch (FormatException e)
            {
                root.Report("start", $"'start' number {starts.Count + 1}: {e.Message}");
            }
        }
        return starts;
    }

    private static UnderstoodRequest Narrow(YamlSection root, string ask, ref SearchSpace space)
    {
        try
        {
            UnderstoodRequest request = RequestReader.Read(ask, space);
            space = SpaceNarrowing.Apply(space, request.Constraints);
            return request;
        }
        catch (CleaveException e)
        {
            root.Report("advisor", $"'advisor.ask': {e.Message}");
            return UnderstoodRequest.None;
        }
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
