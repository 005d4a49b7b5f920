using Cleave.Json;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>The rules for JSON objects that call one of several functions, each with arguments of its own schema.</summary>
internal static class CallRules
{
    /// <param name="functions">Each with the schema of its arguments; null for any object.</param>
    /// <param name="several">Whether a list may hold more than one.</param>
    public static RuleList Read(string origin, CallForm form, IReadOnlyList<(string Name, JsonCursor? Arguments)> functions, bool several, CancellationToken cancellation)
    {
        var rules = new RuleList(origin);
        int first = rules.Declare("root");
        var parts = new JsonParts(rules);
        Expression call = Either([.. functions.Select(f => Call(form, f.Name, f.Arguments is { } schema ? JsonSchemaReader.Whole(schema, rules, parts, cancellation) : parts.AnyObject, parts))]);
        if (form.IsList)
        {
            call = rules.Add("call", call);
            Expression more = several ? new Repeat(Then(parts.Comma, call), 0, null) : Empty;
            call = Then(Text("["), parts.Blank, call, more, parts.Blank, Text("]"));
        }
        rules.Define(first, Then(parts.Lead, call));
        return rules;
    }

    private static Expression Call(CallForm form, string name, Expression arguments, JsonParts parts)
    {
        (Expression, bool)[] members = [.. form.Members.Select(m =>
        {
            bool isNeeded = m == form.Name || m == form.Arguments;
            Expression value = m == form.Name ? Text(JsonParts.Quoted(name)) : m == form.Arguments ? arguments : parts.String;
            return (parts.Member(Text(JsonParts.Quoted(m)), value), isNeeded);
        })];
        return Then(Text("{"), parts.Blank, new Items(members, parts.Comma, null), parts.Blank, Text("}"));
    }
}
