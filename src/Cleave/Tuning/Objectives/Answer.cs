using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cleave.Tuning.Objectives;

/// <summary>One line of a command: an intermediate value where it has a step, else the end of a trial.</summary>
/// <param name="Trial">The trial that it says it is about, if it says so.</param>
/// <param name="Values">NaN where a value is not a finite number.</param>
internal sealed partial record Answer(int? Trial, int? Step, double[] Values, double[] Constraints, string? Checkpoint, string? Error, string[] Artifacts)
{
    /// <summary>The outcome of a trial that ends with this line.</summary>
    public TrialOutcome Outcome(int objectives) => Error is not null ? TrialOutcome.Failed(Error)
        : Values.Length != objectives ? TrialOutcome.Failed($"the command gave {Values.Length} values for {objectives} objectives")
        : Constraints.Length > 0 && TrialOutcome.Complete(Values) is { State: TrialState.Complete } complete ? complete.WithConstraints(Constraints)
        : TrialOutcome.Complete(Values);

    /// <exception cref="FormatException">The line is no answer.</exception>
    public static Answer Parse(string line)
    {
        try
        {
            // What many languages write for numbers that JSON lacks.
            using JsonDocument document = JsonDocument.Parse(NotJson().Replace(line, "null"));
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new FormatException("not a JSON object");
            string? error = root.TryGetProperty("error", out JsonElement e) ? e.ToString() : null;
            double[] values = root.TryGetProperty("values", out JsonElement several) ? Numbers(several)
                : root.TryGetProperty("value", out JsonElement one) ? [Number(one)]
                : error is not null ? [] : throw new FormatException("neither a value nor values");
            return new Answer(Whole(root, "trial"), Whole(root, "step"), values, root.TryGetProperty("constraints", out JsonElement c) ? Numbers(c) : [],
                root.TryGetProperty("checkpoint", out JsonElement at) && at.ValueKind == JsonValueKind.String ? at.GetString() : null, error,
                root.TryGetProperty("artifacts", out JsonElement files) ? Names(files) : []);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException("not a line of JSON", e);
        }
    }

    private static double Number(JsonElement element) => element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double number) ? number : double.NaN;

    private static double[] Numbers(JsonElement element) => element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().Select(Number)]
        : throw new FormatException("values and constraints are lists");

    private static string[] Names(JsonElement element) => element.ValueKind == JsonValueKind.Array && element.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
        ? [.. element.EnumerateArray().Select(e => e.GetString()!)] : throw new FormatException("artifacts is a list of files' names");

    private static int? Whole(JsonElement root, string name) => !root.TryGetProperty(name, out JsonElement e) ? null
        : e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out int number) ? number : throw new FormatException($"its {name} is not a whole number");

    [GeneratedRegex(@"(?<=[:\[,]\s*)-?(NaN|Infinity)\b")]
    private static partial Regex NotJson();
}
