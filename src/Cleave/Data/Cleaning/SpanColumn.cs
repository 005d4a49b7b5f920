using System.Text.Json;

namespace Cleave.Data.Cleaning;

/// <summary>Reads and checks a JSON list of <c>[start, end, label]</c>.</summary>
internal static class SpanColumn
{
    /// <summary>The spans by start, or null with a problem: malformed, out of the text, empty, or overlapping.
    /// Positions count UTF-16 units.</summary>
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
                if (Splits(text, span.Start) || Splits(text, span.End))
                    return Fail("a span cuts a character in half (positions count UTF-16 units)", out problem);
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

    /// <summary>Positions that count code points, as some tools write them, go wrong after a character of two units.</summary>
    private static bool Splits(string text, int at) => at > 0 && at < text.Length && char.IsSurrogatePair(text[at - 1], text[at]);

    private static List<TextSpan>? Fail(string what, out string problem)
    {
        problem = what;
        return null;
    }
}
