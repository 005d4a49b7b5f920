using System.Text;
using System.Text.Json;
using Cleave.Json;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>Objects: properties in the order of the schema, then further ones where the schema speaks of them.</summary>
internal static class ObjectSchema
{
    private const int LongestName = 256, MostOfNames = 20_000;

    public static Expression Read(JsonSchemaReader reader, JsonCursor schema, Dictionary<string, JsonCursor> keywords)
    {
        JsonParts parts = reader.Parts;
        (string Name, JsonCursor Schema)[] properties = keywords.TryGetValue("properties", out JsonCursor? all) ? [.. all.Members()] : [];
        string[] required = keywords.TryGetValue("required", out JsonCursor? list) ? [.. list.Items().Select(n => n.Text()).Distinct()] : [];
        keywords.TryGetValue("additionalProperties", out JsonCursor? additional);
        if (properties.Length == 0 && required.Length == 0 && additional is null or { Kind: JsonValueKind.True })
            return parts.AnyObject;
        var members = new List<(Expression, bool)>();
        var missing = new HashSet<string>(required, StringComparer.Ordinal);
        foreach ((string name, JsonCursor value) in properties)
        {
            if (value.Kind != JsonValueKind.False)
                members.Add((parts.Member(Text(JsonParts.Quoted(name)), reader.Rule(value)), missing.Remove(name)));
        }
        string[] unnamed = [.. required.Where(missing.Contains)];
        if (unnamed.Length > 0 && additional is { Kind: JsonValueKind.False })
            throw schema.Error($"the property {unnamed[0]} is required, but no property of that name is allowed");
        Expression? more = additional is null or { Kind: JsonValueKind.False } ? null : reader.Rule(additional);
        missing.IntersectWith(properties.Select(p => p.Name));
        foreach (string name in unnamed)
        {
            if (missing.Contains(name))
                throw schema.Error($"the property {name} is required, but no value satisfies false");
            members.Add((parts.Member(Text(JsonParts.Quoted(name)), more ?? parts.Any), true));
        }
        Expression? further = more is null ? null
            : parts.Member(OtherNames(parts, schema, [.. properties.Select(p => p.Name), .. unnamed]), more);
        Expression inside = new Items(members, parts.Comma, further);
        return Then(Text("{"), parts.Blank, inside, parts.Blank, Text("}"));
    }

    /// <summary>Names other than those given. They are written without escapes, or one could be written in another way.</summary>
    private static Expression OtherNames(JsonParts parts, JsonCursor schema, string[] names)
    {
        if (names.Length == 0)
            return parts.String;
        if (Array.Find(names, n => n.Length > LongestName) is { } longName)
            throw schema.Error($"a name of {longName.Length} characters beside additionalProperties is not supported (at most {LongestName})");
        if (names.Sum(n => (long)n.Length) > MostOfNames)
            throw schema.Error($"names of more than {MostOfNames} characters in all beside additionalProperties are not supported");
        Rune[][] keys = [.. names.Select(n => n.EnumerateRunes().ToArray())];
        return Then(Text("\""), Except(keys, 0), Text("\""));
    }

    /// <summary>What can follow where some names have gone along so far, so that in the end it is none of them.</summary>
    private static Expression Except(Rune[][] names, int depth)
    {
        CodePoints plain = JsonParts.Plain;
        var next = names.Where(n => n.Length > depth).GroupBy(n => n[depth].Value).ToArray();
        var choices = new List<Expression>();
        if (names.All(n => n.Length != depth))
            choices.Add(Empty);
        CodePoints other = plain.And(CodePoints.Of(next.Select(g => (g.Key, g.Key))).Not());
        choices.Add(Then(Of(other), new Repeat(Of(plain), 0, null)));
        foreach (IGrouping<int, Rune[]> group in next)
        {
            if (!plain.And(CodePoints.Of((group.Key, group.Key))).IsEmpty)
                choices.Add(Then(Of(CodePoints.Of((group.Key, group.Key))), Except([.. group], depth + 1)));
        }
        return Either([.. choices]);
    }
}

/// <summary>Lists: first items of their own schemas, then any number of others within bounds.</summary>
internal static class ArraySchema
{
    public static Expression Read(JsonSchemaReader reader, JsonCursor schema, Dictionary<string, JsonCursor> keywords)
    {
        JsonParts parts = reader.Parts;
        int least = keywords.TryGetValue("minItems", out JsonCursor? min) ? min.Int(0) : 0;
        int? most = keywords.TryGetValue("maxItems", out JsonCursor? max) ? max.Int(0) : null;
        Expression[] first = keywords.TryGetValue("prefixItems", out JsonCursor? prefix) ? [.. prefix.Items().Select(reader.Rule)] : [];
        keywords.TryGetValue("items", out JsonCursor? items);
        if (items is { Kind: JsonValueKind.False })
            most = Math.Min(most ?? int.MaxValue, first.Length);
        if (least > most)
            throw schema.Error($"a list has at least {least} items and at most {most}: nothing satisfies it");
        if (first.Length == 0 && least == 0 && most is null && items is null or { Kind: JsonValueKind.True })
            return parts.AnyArray;
        Expression[] leading = first[..Math.Min(first.Length, most ?? first.Length)];
        Expression? rest = most > leading.Length || most is null ? items is null ? parts.Any : reader.Rule(items) : null;
        Expression inside = Inside(parts, leading, rest, least, most);
        return Then(Text("["), parts.Blank, inside, Text("]"));
    }

    private static Expression Inside(JsonParts parts, Expression[] leading, Expression? rest, int least, int? most)
    {
        if (most == 0)
            return Empty;
        int after = Math.Max(leading.Length, 1);
        List<Expression> others = [.. leading.Skip(1).Select(item => Then(parts.Comma, item))];
        if (rest is not null)
            others.Add(new Repeat(Then(parts.Comma, rest), Math.Max(0, least - after), most is { } m ? m - after : null));
        // Each may only be there with all before it.
        Expression all = Then(leading.Length > 0 ? leading[0] : rest!, new Prefix(others, Math.Max(0, least - 1)), parts.Blank);
        return least == 0 ? Maybe(all) : all;
    }
}
