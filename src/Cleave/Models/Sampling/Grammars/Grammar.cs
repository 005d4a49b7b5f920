using Cleave.Json;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>What a text must look like, checked and ready to be followed while a model writes.</summary>
public sealed class Grammar
{
    private Grammar(RuleAutomata automata, string origin) => (Automata, Origin) = (automata, origin);

    /// <summary>The file, or another name for where it came from.</summary>
    public string Origin { get; }

    internal RuleAutomata Automata { get; }

    /// <summary>Any JSON object.</summary>
    public static Grammar JsonObject { get; } = Of(JsonSchemas.JsonSchemaReader.AnyObject("json"));

    /// <summary>Reads a grammar in the notation of GBNF; see <see cref="GrammarText"/>.</summary>
    /// <param name="origin">What messages name.</param>
    /// <exception cref="GrammarException">The text is not a grammar, or one that is too large or begins a rule with itself.</exception>
    public static Grammar Parse(string text, string origin)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Of(GrammarText.Read(text, origin));
    }

    /// <summary>Reads a JSON Schema; see <see cref="JsonSchemas.JsonSchemaReader"/>.</summary>
    /// <exception cref="ModelFileException">The schema is not one, or uses what is not supported; the message has the path.</exception>
    /// <exception cref="GrammarException">The schema is too large, or no document satisfies it.</exception>
    public static Grammar OfJsonSchema(JsonCursor schema, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return Of(JsonSchemas.JsonSchemaReader.Read(schema, cancellation), cancellation);
    }

    /// <summary>JSON objects that call one of several functions.</summary>
    /// <param name="origin">What messages name where no single schema is at fault.</param>
    /// <param name="functions">Each with the schema of its arguments; null for any object.</param>
    /// <param name="several">Whether a list may hold more than one call.</param>
    /// <exception cref="ModelFileException">A schema is not one, or uses what is not supported.</exception>
    /// <exception cref="GrammarException">The schemas are too large, or nothing satisfies any of them.</exception>
    public static Grammar OfCalls(string origin, CallForm form, IReadOnlyList<(string Name, JsonCursor? Arguments)> functions, bool several, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(form);
        ArgumentNullException.ThrowIfNull(functions);
        return Of(JsonSchemas.CallRules.Read(origin, form, functions, several, cancellation), cancellation);
    }

    private static Grammar Of(RuleList rules, CancellationToken cancellation = default)
    {
        RuleAutomata automata = RuleCompiler.Compile(rules, cancellation);
        bool[] all = [.. Enumerable.Repeat(true, 256)];
        if (Distances.Of(automata, all)[automata.Starts[0]] >= Distances.Infinite)
            throw new GrammarException(rules.Origin, "no text can satisfy it: it never comes to an end, or not within any length");
        return new Grammar(automata, rules.Origin);
    }
}
