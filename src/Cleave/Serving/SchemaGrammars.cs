using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving;

/// <summary>The grammars of JSON Schemas, of which those that were asked for last are kept ready.</summary>
public static class SchemaGrammars
{
    private const int MostKept = 32, MostStates = 400_000;

    private static readonly Dictionary<(string Origin, string Text), Grammar> Known = [];
    private static readonly Lock Gate = new();
    private static int _states;

    /// <param name="origin">What messages name.</param>
    /// <exception cref="ModelFileException">It is no schema, or uses what is not supported.</exception>
    /// <exception cref="GrammarException">It is too large, or no document satisfies it.</exception>
    public static Grammar Of(JsonElement schema, string origin, CancellationToken cancellation = default)
    {
        (string, string) key = (origin, schema.GetRawText());
        lock (Gate)
        {
            if (Known.TryGetValue(key, out Grammar? known))
                return known;
        }
        Grammar grammar = Grammar.OfJsonSchema(JsonCursor.Parse(Encoding.UTF8.GetBytes(key.Item2), origin), cancellation);
        lock (Gate)
        {
            if (Known.TryGetValue(key, out Grammar? other)) // made meanwhile
                return other;
            _states += grammar.Automata.Count;
            if (Known.Count >= MostKept || _states > MostStates)
            {
                Known.Clear();
                _states = grammar.Automata.Count;
            }
            return Known[key] = grammar;
        }
    }
}
