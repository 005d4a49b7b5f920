using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving;

/// <summary>The grammars of JSON Schemas, of which those that were asked for last are kept ready.</summary>
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

    /// <summary>A grammar by what it is made of.</summary>
    internal static Grammar Of(string origin, string text, Func<Grammar> make) => Known.Of(origin, text, make);
}
