using System.Text.Json;
using Cleave.Json;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>Texts: of a length, of a pattern, or of one of a few formats.</summary>
internal static class StringSchema
{
    // Days up to the 28th are in every month, no second is a leap second, and years and offsets are those that programs know.
    private const string Date = @"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])";
    private const string Time = @"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])";

    private static readonly Dictionary<string, string> Formats = new(StringComparer.Ordinal)
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = $"{Date}T{Time}",
        ["uuid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    };

    public static Expression Read(JsonParts parts, Dictionary<string, JsonCursor> keywords)
    {
        string[] given = [.. keywords.Keys.Where(k => k is "minLength" or "maxLength" or "pattern" or "format")];
        if (given.Length == 0)
            return parts.String;
        if (keywords.TryGetValue("pattern", out JsonCursor? pattern))
            return given.Length == 1 ? Quoted(Pattern(parts, pattern, pattern.Text())) : throw pattern.Error($"pattern beside {given.First(k => k != "pattern")} is not supported");
        if (keywords.TryGetValue("format", out JsonCursor? format))
        {
            if (given.Length > 1)
                throw format.Error($"format beside {given.First(k => k != "format")} is not supported");
            return Formats.TryGetValue(format.Text(), out string? known) ? Quoted(Pattern(parts, format, $"^{known}$"))
                : throw format.Error($"the format {format.Text()} is not supported; there are: {string.Join(", ", Formats.Keys)}");
        }
        int least = keywords.TryGetValue("minLength", out JsonCursor? min) ? min.Int(0) : 0;
        int? most = keywords.TryGetValue("maxLength", out JsonCursor? max) ? max.Int(0) : null;
        if (least > most)
            throw max!.Error($"a text has at least {least} characters and at most {most}: nothing satisfies it");
        return Quoted(new Repeat(parts.Letter, least, most));
    }

    private static Expression Quoted(Expression inside) => Then(Text("\""), inside, Text("\""));

    private static Expression Pattern(JsonParts parts, JsonCursor value, string pattern)
    {
        try
        {
            return PatternReader.Read(pattern, new Repeat(parts.Letter, 0, null));
        }
        catch (FormatException e)
        {
            throw value.Error($"the pattern is not supported: {e.Message}");
        }
    }
}

/// <summary>Numbers: whole or decimal, within bounds.</summary>
internal static class NumberSchema
{
    public static Expression Read(JsonParts parts, JsonCursor schema, Dictionary<string, JsonCursor> keywords, bool whole)
    {
        if (keywords.TryGetValue("multipleOf", out JsonCursor? multiple) && !(whole && multiple.Number() == 1))
            throw multiple.Error("multipleOf is not supported");
        long? least = Bound(keywords, "minimum", "exclusiveMinimum", upper: false), most = Bound(keywords, "maximum", "exclusiveMaximum", upper: true);
        if (least is null && most is null)
            return whole ? parts.Integer : parts.Number;
        long low = least ?? -NumberRanges.Most, high = most ?? NumberRanges.Most;
        return (whole ? NumberRanges.Integers(low, high) : NumberRanges.Decimals(low, high))
            ?? throw schema.Error("no whole number lies between the bounds, and fractions alone are not supported");
    }

    /// <summary>The outermost whole number that keeps the bounds.</summary>
    private static long? Bound(Dictionary<string, JsonCursor> keywords, string inclusive, string exclusive, bool upper)
    {
        long? bound = null;
        foreach (string keyword in (string[])[inclusive, exclusive])
        {
            if (!keywords.TryGetValue(keyword, out JsonCursor? given))
                continue;
            if (given.Kind is JsonValueKind.True or JsonValueKind.False)
                throw given.Error("the draft in which this is true or false is not supported; give the number");
            double number = upper ? Math.Floor(given.Number()) : Math.Ceiling(given.Number());
            if (keyword == exclusive && number == given.Number())
                number += upper ? -1 : 1;
            long found = (long)Math.Clamp(number, -NumberRanges.Most - 1.0, NumberRanges.Most + 1.0);
            found = upper ? Math.Min(found, NumberRanges.Most) : Math.Max(found, -NumberRanges.Most);
            bound = bound is { } other ? upper ? Math.Min(other, found) : Math.Max(other, found) : found;
        }
        return bound;
    }
}
