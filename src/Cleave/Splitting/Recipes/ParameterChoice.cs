using System.Text.Json.Nodes;

namespace Cleave.Splitting.Recipes;

/// <summary>What a project says about one parameter of its recipes: a value, a list to choose from, or a range (<c>{low, high, log, step}</c>).</summary>
/// <param name="Name">The parameter's, as trials have it.</param>
/// <param name="Place">The key in full, for messages.</param>
/// <param name="Line">In the project file.</param>
public sealed record ParameterChoice(string Name, string Place, long Line, JsonNode Value);
