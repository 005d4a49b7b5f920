using System.Text.Json.Nodes;
using Cleave.Formats.Yaml;
using Cleave.Splitting.Recipes;
using Cleave.Tuning;

namespace Cleave.Tests.Splitting.Recipes;

/// <summary>Search spaces from lines of a project's <c>search.space</c>.</summary>
internal static class Spaces
{
    public static SearchSpace Of(RecipeScope scope, params string[] lines)
    {
        (SearchSpace space, string[] problems) = Read(scope, lines);
        Assert.Empty(problems);
        return space;
    }

    public static (SearchSpace Space, string[] Problems) Read(RecipeScope scope, params string[] lines)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "{}\n" is var nothing && lines.Length == 0 ? nothing : string.Join('\n', lines));
            (_, YamlSection section) = YamlFile.Load(path);
            var problems = new List<string>();
            ParameterChoice[] choices = [.. section.Keys.Select((k, i) => new ParameterChoice(RecipeParameters.All.First(p => p.Key == k).Name, k, i + 1, section.Node(k) ?? new JsonObject()))];
            SearchSpace space = RecipeSpace.Of(scope, choices, (c, reason) => problems.Add($"{c.Place} {reason}"), (c, reason) => problems.Add($"{c.Place} {reason}"));
            return (space, [.. problems]);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
