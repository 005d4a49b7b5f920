using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cleave.Tuning.Advice;

/// <summary>What is recommended for one study before it runs: what was understood, the space that is left, and a model's proposals.</summary>
/// <param name="Study">With the space that the request leaves.</param>
/// <param name="Briefing">What a model is told.</param>
/// <param name="Exchange">Null where no model was asked.</param>
/// <param name="Narrowings">Bounds that the model would add.</param>
public sealed record Recommendation(StudyDefinition Study, AdviceBriefing Briefing, AdviceExchange? Exchange, IReadOnlyList<ParameterConstraint> Narrowings)
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether a model was asked in vain.</summary>
    public bool HasFailed => Exchange is { Error: not null };

    public JsonObject ToJson() => new()
    {
        ["study"] = Study.Name,
        ["understood"] = new JsonArray([.. Briefing.Request.Constraints.Select(c => new JsonObject { ["parameter"] = c.Name, ["constraint"] = c.ToString(), ["said"] = c.Said })]),
        ["unread"] = new JsonArray([.. Briefing.Request.Unread.Select(u => (JsonNode)u)]),
        ["space"] = SearchSpaceJson.Write(Study.Space),
        ["data"] = Briefing.Data?.DeepClone(),
        ["model"] = Exchange?.Model,
        ["error"] = Exchange?.Error,
        ["proposals"] = new JsonArray([.. (Exchange?.Proposals ?? []).Select(p => new JsonObject
        {
            ["params"] = p.Parameters.ToJson(),
            ["reason"] = p.Reason,
            ["repairs"] = new JsonArray([.. p.Repairs.Select(r => (JsonNode)r)]),
        })]),
        ["refused"] = new JsonArray([.. (Exchange?.Refused ?? []).Select(r => (JsonNode)r)]),
        ["narrowed"] = new JsonArray([.. Narrowings.Select(n => new JsonObject { ["parameter"] = n.Name, ["constraint"] = n.ToString(), ["reason"] = n.Said })]),
    };

    /// <summary>The space, and the proposals as first trials, in the form of study files.</summary>
    public string ToStudyYaml()
    {
        var text = new StringBuilder("space:\n");
        foreach ((string name, JsonNode? parameter) in SearchSpaceJson.Write(Study.Space))
            text.Append(CultureInfo.InvariantCulture, $"  {Flow(name)}: {Flow(parameter)}\n");
        if (Exchange is { Proposals.Count: > 0 })
            text.Append("start:\n");
        foreach (Proposal proposal in Exchange?.Proposals ?? [])
            text.Append(CultureInfo.InvariantCulture, $"  - {Flow(proposal.Parameters.ToJson())}{(proposal.Reason.Length > 0 ? " # " + proposal.Reason : "")}\n");
        return text.ToString();
    }

    /// <summary>What the request changed of the space that was, in the form of a project's <c>search.space</c>; empty for nothing.</summary>
    public string ToProjectYaml(SearchSpace before)
    {
        ArgumentNullException.ThrowIfNull(before);
        var text = new StringBuilder();
        foreach (Parameter parameter in Study.Space.Parameters.Where(p => before.Parameters[before.IndexOf(p.Name)].Describe() != p.Describe()))
        {
            string value = parameter switch
            {
                CategoricalParameter choices => Flow(new JsonArray([.. choices.Choices.Select(c => (JsonNode)c.ToJson())])),
                NumericParameter { Low: var low, High: var high } when low == high => Flow(ParameterValue.FromNumber(low).ToJson()),
                NumericParameter number => $"{{low: {Flow(ParameterValue.FromNumber(number.Low).ToJson())}, high: {Flow(ParameterValue.FromNumber(number.High).ToJson())}, log: {(number.Log ? "true" : "false")}}}",
                _ => throw new InvalidOperationException($"a parameter of the type {parameter.GetType().Name}"),
            };
            text.Append(CultureInfo.InvariantCulture, $"    {Flow(parameter.Name.Replace('_', '-'))}: {value}\n");
        }
        return text.Length == 0 ? "" : "search:\n  space:\n" + text;
    }

    // YAML's flow style; names and texts are quoted where they are not plain words, which JSON's quotes do.
    private static string Flow(JsonNode? node) => node switch
    {
        JsonObject members => "{" + string.Join(", ", members.Select(m => $"{Flow(m.Key)}: {Flow(m.Value)}")) + "}",
        JsonArray items => "[" + string.Join(", ", items.Select(Flow)) + "]",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Flow(value.GetValue<string>()),
        JsonValue value => value.ToJsonString(),
        _ => "null",
    };

    private static string Flow(string text) => text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') && text is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n")
        ? text : JsonValue.Create(text).ToJsonString(Plain);
}
