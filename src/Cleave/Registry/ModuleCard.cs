using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Registry;

/// <summary>One measured quality of a module.</summary>
/// <param name="Task">The kind of task in the Hub's words, such as <c>text-classification</c>.</param>
/// <param name="Dataset">What it was measured on, as people call it.</param>
/// <param name="Split">Such as <c>test</c>.</param>
/// <param name="Metric">Such as <c>f1</c>.</param>
/// <param name="Low">The lower end of the 95% interval.</param>
/// <param name="High">The upper end.</param>
/// <param name="Examples">How many examples the value comes from.</param>
public sealed record CardMetric(string Task, string Dataset, string Split, string Metric, double Value, double Low, double High, int Examples);

/// <summary>What a module's card says.</summary>
public sealed record CardFacts
{
    public required string Name { get; init; }

    /// <summary>One paragraph: what the module is for.</summary>
    public required string Summary { get; init; }

    /// <summary>The base model's name on the Hub or in the registry; empty for a model from scratch.</summary>
    public string BaseModel { get; init; } = "";

    /// <summary>In the Hub's words: <c>finetune</c>, <c>quantized</c>, <c>adapter</c> or <c>merge</c>.</summary>
    public string BaseModelRelation { get; init; } = "finetune";

    /// <summary>The license's identifier on the Hub, such as <c>apache-2.0</c>.</summary>
    public string License { get; init; } = "other";

    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>Names of datasets on the Hub, or of files.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    public IReadOnlyList<CardMetric> Metrics { get; init; } = [];

    /// <summary>The choices that made the module, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Recipe { get; init; } = [];

    /// <summary>What the module is not good for, one sentence each.</summary>
    public IReadOnlyList<string> Limits { get; init; } = [];
}

/// <summary>
/// Writes a model card, <c>README.md</c>, with the metadata that the Hugging Face Hub reads (its "Model Cards" page: base_model,
/// datasets, model-index …) and the same facts for people.
/// </summary>
public static class ModuleCard
{
    public const string FileName = "README.md";

    /// <exception cref="CleaveException">The folder cannot be written.</exception>
    public static void Write(string folder, CardFacts facts) => AtomicFile.WriteText(Path.Combine(folder, FileName), ToMarkdown(facts));

    public static string ToMarkdown(CardFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var text = new StringBuilder();
        WriteFrontMatter(text, facts);
        text.Append(CultureInfo.InvariantCulture, $"\n# {OneLine(facts.Name)}\n\n{facts.Summary.Trim()}\n");
        if (facts.BaseModel.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $"\nMade from {OneLine(facts.BaseModel)} ({facts.BaseModelRelation}).\n");
        WriteTable(text, "Measured", ["dataset", "split", "metric", "value", "95% interval", "examples"],
            facts.Metrics.Select(m => new[] { m.Dataset, m.Split, m.Metric, Short(m.Value), $"{Short(m.Low)} – {Short(m.High)}", $"{m.Examples}" }));
        WriteTable(text, "Recipe", ["choice", "value"], facts.Recipe.Select(r => new[] { r.Key, r.Value }));
        if (facts.Limits.Count > 0)
            text.Append("\n## Limits\n\n").AppendJoin("", facts.Limits.Select(l => $"- {OneLine(l)}\n"));
        return text.ToString();
    }

    private static void WriteFrontMatter(StringBuilder text, CardFacts facts)
    {
        text.Append("---\n");
        text.Append(CultureInfo.InvariantCulture, $"license: {Quote(facts.License)}\n");
        if (facts.BaseModel.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $"base_model: {Quote(facts.BaseModel)}\nbase_model_relation: {Quote(facts.BaseModelRelation)}\n");
        WriteList(text, "language", facts.Languages);
        WriteList(text, "datasets", facts.Datasets);
        WriteList(text, "metrics", [.. facts.Metrics.Select(m => m.Metric).Distinct()]);
        text.Append("tags:\n- \"cleave\"\n");
        if (facts.Metrics.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"model-index:\n- name: {Quote(facts.Name)}\n  results:\n");
            foreach (var group in facts.Metrics.GroupBy(m => (m.Task, m.Dataset, m.Split)))
            {
                text.Append(CultureInfo.InvariantCulture, $"  - task:\n      type: {Quote(group.Key.Task)}\n    dataset:\n      name: {Quote(group.Key.Dataset)}\n");
                text.Append(CultureInfo.InvariantCulture, $"      type: {Quote(group.Key.Dataset)}\n      split: {Quote(group.Key.Split)}\n    metrics:\n");
                foreach (CardMetric metric in group)
                {
                    text.Append(CultureInfo.InvariantCulture, $"    - type: {Quote(metric.Metric)}\n      value: {CanonicalJson.Number(metric.Value)}\n");
                    string name = $"{metric.Metric} (95% interval {Short(metric.Low)} – {Short(metric.High)}, {metric.Examples} examples)";
                    text.Append(CultureInfo.InvariantCulture, $"      name: {Quote(name)}\n");
                }
            }
        }
        text.Append("---\n");
    }

    private static void WriteList(StringBuilder text, string key, IReadOnlyList<string> items)
    {
        if (items.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $"{key}:\n").AppendJoin("", items.Select(i => $"- {Quote(i)}\n"));
    }

    private static void WriteTable(StringBuilder text, string title, string[] head, IEnumerable<string[]> rows)
    {
        string[] lines = [.. rows.Select(r => "| " + string.Join(" | ", r.Select(Cell)) + " |\n")];
        if (lines.Length == 0)
            return;
        text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n| {string.Join(" | ", head)} |\n|{string.Concat(head.Select(_ => "---|"))}\n");
        text.AppendJoin("", lines);
    }

    /// <summary>A JSON string is a YAML double-quoted one; CanonicalJson leaves out the escapes that YAML does not share.</summary>
    private static string Quote(string text) => CanonicalJson.ToText(JsonValue.Create(text));

    private static string Cell(string text) => OneLine(text).Replace("|", "\\|", StringComparison.Ordinal);

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();

    private static string Short(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
