using System.Text;
using Cleave.Data;
using Cleave.Models;
using Cleave.Splitting.Projects;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

/// <summary>The page of every parameter, made from what the search itself reads.</summary>
public static class RecipeTable
{
    /// <summary>A Markdown table of every parameter as it is for a model and tasks of so many training texts.</summary>
    public static string Markdown(TransformerSpec model, int texts)
    {
        var text = new StringBuilder();
        text.Append("| `search.space` | what it is | values | searched unless said otherwise | default | where |\n|---|---|---|---|---|---|\n");
        foreach (RecipeParameter p in RecipeParameters.All)
        {
            TaskKind[] kinds = [.. p.Kinds(new RecipeScope(TaskKind.Classify, texts, model))];
            if (kinds.Length == 0) // a choice that this model does not have
            {
                text.Append($"| `{p.Key}` | {p.Description} | | | | with {p.Needs} |\n");
                continue;
            }
            var scope = new RecipeScope(kinds[0], texts, model);
            string where = string.Join("; ", new[]
            {
                kinds.Length < Enum.GetValues<TaskKind>().Length ? $"{string.Join(", ", kinds.Select(ProjectReader.NameOf))} tasks" : "",
                p.When(scope) is var (parent, values) ? $"`{RecipeParameters.Find(parent).Key}` is {Values(values)}" : "",
            }.Where(w => w.Length > 0));
            string searched = p.Usual(scope) is { } usual ? usual.Describe() : "";
            text.Append($"| `{p.Key}` | {p.Description} | {p.Legal(scope)!.Describe()} | {searched} | {p.Default(scope).ToString()} | {where} |\n");
        }
        return text.ToString();
    }

    private static string Values(string[] values) => values.Length <= 4 ? string.Join(" or ", values) : $"one of {values[0]} … {values[^1]}";
}
