using Cleave.Numerics;

namespace SupportDesk.Generator;

/// <summary>One stream of customers, of training or of test: says rules of the grammar and writes whole messages.</summary>
public sealed class Customer(Grammar grammar, Rng rng, bool test)
{
    public Rng Rng { get; } = rng;

    public bool Chance(double probability) => Rng.NextDouble() < probability;

    public bool Knows(string rule) => grammar.Has(rule);

    public List<Piece> Say(string rule) => grammar.Expand(rule, Rng, test);

    /// <summary>Says a rule with its single letters bound to what was said before.</summary>
    public List<Piece> Say(string rule, params (string Letter, List<Piece> Pieces)[] bound) =>
        grammar.Expand(rule, Rng, test, bound.ToDictionary(b => b.Letter, b => b.Pieces));

    /// <summary>With a full stop, unless the pieces already end in a mark.</summary>
    public static List<Piece> Finish(List<Piece> pieces)
    {
        string text = Message.Write(pieces).Text;
        return text.EndsWith('.') || text.EndsWith('?') || text.EndsWith('!') ? pieces : [.. pieces, new Piece(".")];
    }

    /// <summary>Sentences in a row, a blank between them; nulls are left out.</summary>
    public static List<Piece> Row(params List<Piece>?[] sentences)
    {
        var row = new List<Piece>();
        foreach (List<Piece>? sentence in sentences)
        {
            if (sentence is null)
                continue;
            if (row.Count > 0)
                row.Add(new Piece(" "));
            row.AddRange(sentence);
        }
        return row;
    }

    /// <summary>An index drawn in proportion to the weights.</summary>
    public int Pick(ReadOnlySpan<double> weights)
    {
        double total = 0;
        foreach (double weight in weights)
            total += weight;
        double at = Rng.NextDouble() * total;
        for (int i = 0; i < weights.Length - 1; i++)
        {
            if (at < weights[i])
                return i;
            at -= weights[i];
        }
        return weights.Length - 1;
    }
}
