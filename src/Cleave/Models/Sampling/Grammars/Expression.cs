namespace Cleave.Models.Sampling.Grammars;

/// <summary>What a rule of a grammar is made of.</summary>
internal abstract record Expression
{
    /// <summary>Nothing at all.</summary>
    public static Expression Empty { get; } = new Sequence([]);

    public static Expression Text(string text) => new Literal(text);

    public static Expression Of(CodePoints set) => new Character(set);

    public static Expression Then(params Expression[] parts) => new Sequence(parts);

    public static Expression Either(params Expression[] choices) => choices.Length == 1 ? choices[0] : new Choice(choices);

    public static Expression Maybe(Expression item) => new Repeat(item, 0, 1);
}

/// <summary>A text as it stands, in UTF-8.</summary>
internal sealed record Literal(string Value) : Expression;

/// <summary>One character of a set, in UTF-8.</summary>
internal sealed record Character(CodePoints Set) : Expression;

/// <summary>What another rule says.</summary>
internal sealed record Call(int Rule) : Expression;

/// <summary>One after the other.</summary>
internal sealed record Sequence(IReadOnlyList<Expression> Parts) : Expression;

/// <summary>One of several.</summary>
internal sealed record Choice(IReadOnlyList<Expression> Choices) : Expression;

/// <summary>The same again and again.</summary>
/// <param name="Most">Null for any number.</param>
internal sealed record Repeat(Expression Item, int Least, int? Most) : Expression;

/// <summary>One after the other, of which the first <paramref name="Least"/> must be there; behind each of them it may end.</summary>
internal sealed record Prefix(IReadOnlyList<Expression> Parts, int Least) : Expression;

/// <summary>Items in order, of which some may be left out, with a separator between those that are there.</summary>
/// <param name="More">What may follow them, any number of times; null for nothing.</param>
internal sealed record Items(IReadOnlyList<(Expression Item, bool Required)> All, Expression Separator, Expression? More) : Expression;

/// <summary>The rules of a grammar while it is read; the first is where a text begins.</summary>
/// <param name="origin">What messages name.</param>
internal sealed class RuleList(string origin)
{
    private const int MaxRules = 2_000;

    private readonly List<(string Name, Expression? Body)> _rules = [];

    public string Origin { get; } = origin;

    public int Count => _rules.Count;

    public string NameOf(int rule) => _rules[rule].Name;

    /// <summary>Null while a rule was only mentioned.</summary>
    public Expression? BodyOf(int rule) => _rules[rule].Body;

    /// <exception cref="GrammarException">There are as many rules as there may be.</exception>
    public int Declare(string name)
    {
        if (_rules.Count == MaxRules)
            throw new GrammarException(Origin, $"it has more rules than a grammar may have ({MaxRules})");
        _rules.Add((name, null));
        return _rules.Count - 1;
    }

    public void Define(int rule, Expression body) => _rules[rule] = (_rules[rule].Name, body);

    public Call Add(string name, Expression body)
    {
        int rule = Declare(name);
        Define(rule, body);
        return new Call(rule);
    }
}
