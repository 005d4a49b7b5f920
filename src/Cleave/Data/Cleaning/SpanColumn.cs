using System.Text.Json;

namespace Cleave.Data.Cleaning;

/// <summary>Reads and checks a JSON list of <c>[start, end, label]</c>.</summary>
internal static class SpanColumn
{
    /// <summary>The spans by start, or null with a problem: malformed, out of the text, empty, or overlapping.</summary>
    public static IReadOnlyList<TextSpan>? Parse(string json, string text, out string problem)
    {
        problem = "";
        var spans = new List<TextSpan>();
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                return Fail("spans are not a JSON list of [start, end, label]", out problem);
            foreach (JsonElement item in document.RootElement.EnumerateArray())
            {
                if (!TrySpan(item, out TextSpan span))
                    return Fail("spans are not a JSON list of [start, end, label]", out problem);
                if (span.Start < 0 || span.End > text.Length || span.Start >= span.End)
                    return Fail("a span is empty or reaches outside of the text", out problem);
                spans.Add(span);
            }
        }
        catch (JsonException)
        {
            return Fail("spans are not a JSON list of [start, end, label]", out problem);
        }
        spans.Sort((a, b) => a.Start.CompareTo(b.Start));
        for (int i = 1; i < spans.Count; i++)
        {
            if (spans[i].Start < spans[i - 1].End)
                return Fail("spans overlap", out problem);
        }
        return spans;
    }

    private static bool TrySpan(JsonElement item, out TextSpan span)
    {
        span = default;
        if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 3
            || item[0].ValueKind != JsonValueKind.Number || item[1].ValueKind != JsonValueKind.Number
            || item[2].ValueKind != JsonValueKind.String
            || !item[0].TryGetInt32(out int start) || !item[1].TryGetInt32(out int end)
            || string.IsNullOrWhiteSpace(item[2].GetString()))
        {
            return false;
        }
        span = new TextSpan(start, end, item[2].GetString()!.Trim());
        return true;
    }

    private static List<TextSpan>? Fail(string what, out string problem)
    {
        problem = what;
        return null;
    }
}
