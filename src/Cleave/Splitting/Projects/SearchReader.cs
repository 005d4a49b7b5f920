using System.Text.Json.Nodes;
using Cleave.Formats;
using Cleave.Formats.Yaml;
using Cleave.Splitting.Recipes;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Pruners;
using Cleave.Tuning.Samplers;

namespace Cleave.Splitting.Projects;

/// <summary>Reads the <c>search</c> sections of project files: the project's own, and those of tasks.</summary>
internal static class SearchReader
{
    private const double Usual = 10;
    private static readonly string[] Keys = [.. RecipeParameters.All.Select(p => p.Key)];

    /// <summary>The project's section, or what holds without one.</summary>
    public static SearchOptions Read(YamlSection? search, int mostTrials)
    {
        var options = new SearchOptions(12, AutoSampler.SamplerName, null);
        if (search is null)
            return options;
        options = options with { Trials = search.Integer("trials", options.Trials, 1, mostTrials) };
        options = options with { Sampler = search.Choice("sampler", options.Sampler, [.. AdvisorOptions.SamplerChoices]) };
        options = options with { Advisor = AdvisorOptions.Read(search, options.Sampler) };
        return ReadCommon(search, "search.space", options);
    }

    /// <summary>A task's section; what it does not say stays as the project has it.</summary>
    public static TaskSearch? ReadTask(YamlSection task, string name)
    {
        if (task.Section("search") is not { } search)
            return null;
        // Whom to ask is said once, for the project; a task may keep to a sampler alone.
        string? sampler = search.Has("sampler") ? search.Choice("sampler", AutoSampler.SamplerName, [.. SamplerNames.All]) : null;
        bool minutes = search.Has("minutes"), stopping = search.Has("stopping");
        SearchOptions read = ReadCommon(search, $"tasks.{name}.search.space", new SearchOptions(0, AutoSampler.SamplerName, null));
        return new TaskSearch(sampler, minutes ? read.Minutes : null, stopping ? read.Stopping : null, read.Space);
    }

    private static SearchOptions ReadCommon(YamlSection search, string place, SearchOptions options)
    {
        options = options with
        {
            Minutes = search.Has("minutes") ? search.Number("minutes", Usual, 0.01, 1e6) : null,
            Stopping = search.Section("stopping") is { } rule ? StoppingRule.Read(rule, options.Stopping) : options.Stopping,
            Space = search.Section("space") is { } space ? ReadSpace(space, place) : [],
        };
        search.Finish();
        return options;
    }

    private static List<ParameterChoice> ReadSpace(YamlSection space, string place)
    {
        var choices = new List<ParameterChoice>();
        foreach (string key in space.Keys.ToArray())
        {
            if (!Keys.Contains(key, StringComparer.Ordinal))
                space.Report(key, $"'{place}.{key}' is no choice of a recipe ({Suggest.Hint(key, Keys)})");
            else if (space.Node(key) is { } value && Problem(value) is null)
                choices.Add(new ParameterChoice(RecipeParameters.All.First(p => p.Key == key).Name, $"{place}.{key}", space.LineOf(key), value));
            else
                space.Report(key, $"'{place}.{key}' {(space.Node(key) is { } other ? Problem(other) : "needs a value")}");
        }
        return choices;
    }

    private static string? Problem(JsonNode value) => value switch
    {
        JsonArray { Count: 0 } => "is a list of nothing",
        JsonArray list when list.Any(v => v is not JsonValue) => "is a list of values, not of lists or ranges",
        JsonObject range when range.Count == 0 => "is a range, such as {low: 1, high: 4}",
        JsonValue scalar when scalar.ToString().Length == 0 => "needs a value",
        _ => null,
    };
}
