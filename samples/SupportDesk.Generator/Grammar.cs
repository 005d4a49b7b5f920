using System.Reflection;
using System.Text;
using Cleave.Numerics;

namespace SupportDesk.Generator;

/// <summary>
/// A paraphrase grammar read from the text files in <c>Lexicon</c>: rules of alternatives, some of which only test
/// customers use. In an alternative <c>(a|b)</c> is one of, <c>[a]</c> is there half of the time, <c>&lt;rule&gt;</c>
/// is another rule and <c>&lt;label:rule&gt;</c> an entity. A rule name of one capital letter is bound by the caller.
/// </summary>
public sealed class Grammar
{
    // How often test customers use words of their own: often for the long tail of names and products, less for
    // whole phrases, which a small model has no way to know.
    private const double UnseenEntities = 0.4, UnseenPhrases = 0.08;

    private readonly Dictionary<string, (List<Node> Shared, List<Node> Test)> _rules = [];

    private abstract record Node;
    private sealed record Literal(string Text) : Node;
    private sealed record Reference(string Name, string? Label) : Node;
    private sealed record Sequence(List<Node> Parts) : Node;
    private sealed record Choice(List<Node> Ways, bool Maybe) : Node;

    /// <summary>The grammar of the embedded lexicon.</summary>
    public static Grammar Load()
    {
        var grammar = new Grammar();
        var assembly = Assembly.GetExecutingAssembly();
        foreach (string file in assembly.GetManifestResourceNames().Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(file)!, Encoding.UTF8);
            grammar.Read(reader, file);
        }
        return grammar;
    }

    public bool Has(string rule) => _rules.ContainsKey(rule);

    /// <summary>The alternatives of a rule as they are written, for rules that are not sentences of a customer.</summary>
    public IReadOnlyList<string> Ways(string rule) => [.. _rules[rule].Shared.Select(Source)];

    /// <summary>One way to say <paramref name="rule"/>; test customers at times in a way that training never shows.</summary>
    public List<Piece> Expand(string rule, Rng rng, bool test, IReadOnlyDictionary<string, List<Piece>>? bound = null)
    {
        var pieces = new List<Piece>();
        Expand(new Reference(rule, null), rng, test ? UnseenPhrases : 0, bound, pieces);
        return pieces;
    }

    private void Expand(Node node, Rng rng, double unseen, IReadOnlyDictionary<string, List<Piece>>? bound, List<Piece> into)
    {
        switch (node)
        {
            case Literal literal:
                into.Add(new Piece(literal.Text));
                break;
            case Sequence sequence:
                foreach (Node part in sequence.Parts)
                    Expand(part, rng, unseen, bound, into);
                break;
            case Choice choice:
                if (!choice.Maybe || rng.NextDouble() < 0.5)
                    Expand(choice.Ways[rng.NextInt(choice.Ways.Count)], rng, unseen, bound, into);
                break;
            case Reference reference when bound is not null && bound.TryGetValue(reference.Name, out List<Piece>? pieces):
                into.AddRange(pieces);
                break;
            case Reference { Label: string label } reference:
                var inner = new List<Piece>();
                Expand(reference with { Label = null }, rng, unseen > 0 ? UnseenEntities : 0, bound, inner);
                into.Add(new Piece(Message.Write(inner).Text, label));
                break;
            case Reference reference:
                if (!_rules.TryGetValue(reference.Name, out (List<Node> Shared, List<Node> Test) rule))
                    throw new InvalidDataException($"the lexicon has no rule '{reference.Name}'");
                List<Node> ways = rule.Test.Count > 0 && rng.NextDouble() < unseen ? rule.Test : rule.Shared;
                Expand(ways[rng.NextInt(ways.Count)], rng, unseen, bound, into);
                break;
        }
    }

    private void Read(TextReader reader, string file)
    {
        List<Node>? ways = null;
        for (int number = 1; reader.ReadLine() is { } line; number++)
        {
            if (line.Length == 0 || line.StartsWith("# ", StringComparison.Ordinal))
                continue;
            if (line.StartsWith("== ", StringComparison.Ordinal))
            {
                string[] words = line.Split(' ');
                if (!_rules.TryGetValue(words[1], out (List<Node> Shared, List<Node> Test) rule))
                    _rules[words[1]] = rule = ([], []);
                ways = words is [_, _, "@test"] ? rule.Test : rule.Shared;
                continue;
            }
            int at = 0;
            Node node = Parse(line, ref at);
            if (at != line.Length || ways is null)
                throw new InvalidDataException($"{file}, line {number}: unexpected '{line[at..]}'");
            ways.Add(node);
        }
    }

    private static Sequence Parse(string line, ref int at)
    {
        var parts = new List<Node>();
        var literal = new StringBuilder();
        while (at < line.Length && line[at] is not (')' or ']' or '|'))
        {
            char c = line[at++];
            if (c is not ('(' or '[' or '<'))
            {
                literal.Append(c);
                continue;
            }
            if (literal.Length > 0)
                parts.Add(new Literal(literal.ToString()));
            literal.Clear();
            parts.Add(c == '<' ? ParseReference(line, ref at) : ParseChoice(line, ref at, c == '['));
        }
        if (literal.Length > 0)
            parts.Add(new Literal(literal.ToString()));
        return new Sequence(parts);
    }

    private static Reference ParseReference(string line, ref int at)
    {
        int end = line.IndexOf('>', at);
        if (end < 0)
            throw new InvalidDataException($"'{line}': a '<' is not closed");
        string[] names = line[at..end].Split(':');
        at = end + 1;
        return names.Length == 2 ? new Reference(names[1], names[0]) : new Reference(names[0], null);
    }

    private static Choice ParseChoice(string line, ref int at, bool maybe)
    {
        var ways = new List<Node> { Parse(line, ref at) };
        while (at < line.Length && line[at] == '|')
        {
            at++;
            ways.Add(Parse(line, ref at));
        }
        if (at >= line.Length || line[at] != (maybe ? ']' : ')'))
            throw new InvalidDataException($"'{line}': a bracket is not closed");
        at++;
        return new Choice(ways, maybe);
    }

    private static string Source(Node node) => node is Sequence { Parts: [Literal only] }
        ? only.Text
        : throw new InvalidDataException("this rule is plain text only");
}
