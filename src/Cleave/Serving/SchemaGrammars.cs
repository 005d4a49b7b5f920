using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving;

/// <summary>The grammars of JSON Schemas, and of rules in GBNF, of which those that were asked for last are kept ready.</summary>
public static class SchemaGrammars
{
    private const int MostKept = 32, MostStates = 400_000;

    private static readonly GrammarCache Known = new(MostKept, MostStates);

    /// <param name="origin">What messages name.</param>
    /// <exception cref="ModelFileException">It is no schema, or uses what is not supported.</exception>
    /// <exception cref="GrammarException">It is too large, or no document satisfies it.</exception>
    public static Grammar Of(JsonElement schema, string origin, CancellationToken cancellation = default)
    {
        string text = schema.GetRawText();
        return Of(origin, text, () => Grammar.OfJsonSchema(JsonCursor.Parse(Encoding.UTF8.GetBytes(text), origin), cancellation));
    }

    /// <summary>The grammar of rules in GBNF.</summary>
    /// <param name="origin">What messages name.</param>
    /// <exception cref="GrammarException">As <see cref="Grammar.Parse"/>.</exception>
    public static Grammar OfRules(string rules, string origin) => Of(origin, rules, () => Grammar.Parse(rules, origin));

    /// <summary>A grammar by what it is made of.</summary>
    internal static Grammar Of(string origin, string text, Func<Grammar> make) => Known.Of(origin, text, make);
}
