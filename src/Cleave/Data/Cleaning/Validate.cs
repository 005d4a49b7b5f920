namespace Cleave.Data.Cleaning;

/// <summary>Checks what is left after cleaning.</summary>
internal static class Validate
{
    public static IEnumerable<string> LabelsOf(Example e) => e.Label is { } label ? [label] : e.Spans.Select(s => s.Label);

    public static void Sides(TaskSource source, List<Example> train, List<Example> held, string side, ProblemList problems)
    {
        if (side == "test" && train.Count < 2)
        {
            string left = train.Count == 0 ? "no training item is" : "only one training item is";
            problems.Add($"{left} left after cleaning; two are needed, one of them for validation");
        }
        if (held.Count == 0)
            problems.Add($"no {side} item is left after cleaning");
        if (train.Count == 0 || held.Count == 0 || source.Kind is TaskKind.Generate or TaskKind.LanguageModel)
            return;
        var labels = new HashSet<string>(train.SelectMany(LabelsOf), StringComparer.Ordinal);
        if (side == "test" && source.Kind == TaskKind.Classify && labels.Count == 1)
            problems.Add($"every training item has the one label '{labels.First()}'; a classifier needs two");
        string[] unknown =
            [.. held.SelectMany(LabelsOf).Where(l => !labels.Contains(l)).Distinct().Order(StringComparer.Ordinal)];
        if (unknown.Length > 0)
        {
            string more = unknown.Length > 5 ? $" and {unknown.Length - 5} more" : "";
            string named = string.Join(", ", unknown.Take(5).Select(l => $"'{l}'"));
            problems.Add($"labels that only the {side} items have: {named}{more}");
        }
    }
}
