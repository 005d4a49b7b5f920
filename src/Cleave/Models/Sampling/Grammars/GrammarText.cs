using System.Globalization;
using System.Text;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// Reads the notation that llama.cpp calls GBNF: rules <c>name ::= …</c> with texts in quotation marks, classes in brackets,
/// <c>.</c> for any character, groups, <c>|</c>, the repetitions <c>* + ? {n} {n,} {n,m}</c> and comments from <c>#</c> to
/// the end of a line. A text begins with the rule <c>root</c>.
/// </summary>
internal sealed class GrammarText
{
    private const int MaxLength = 1 << 20, MaxDepth = 64, MaxRepetition = 100_000;

    private readonly string _text, _origin;
    private readonly RuleList _rules;
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<int, int> _firstUse = [];
    private int _at;

    private GrammarText(string text, string origin) => (_text, _origin, _rules) = (text, origin, new RuleList(origin));

    /// <exception cref="GrammarException">The text is not a grammar.</exception>
    public static RuleList Read(string text, string origin)
    {
        var reader = new GrammarText(text, origin);
        if (text.Length > MaxLength)
            throw new GrammarException(origin, $"{text.Length} characters are more than a grammar may have ({MaxLength})");
        reader._names["root"] = reader._rules.Declare("root");
        reader.Blanks();
        while (reader._at < text.Length)
            reader.Rule();
        for (int rule = 0; rule < reader._rules.Count; rule++)
        {
            if (reader._rules.BodyOf(rule) is null)
                throw rule == 0 ? new GrammarException(origin, "there is no rule named root, with which a text begins")
                    : reader.ErrorAt(reader._firstUse[rule], $"there is no rule named {reader._rules.NameOf(rule)}");
        }
        return reader._rules;
    }

    private void Rule()
    {
        int start = _at;
        string name = Name() ?? throw Error("expected the name of a rule");
        if (!Take("::="))
            throw Error($"expected ::= after {name}");
        int rule = RuleOf(name);
        if (_rules.BodyOf(rule) is not null)
            throw ErrorAt(start, $"the rule {name} is there twice");
        _rules.Define(rule, Choices(0));
        if (_at < _text.Length && !AtRule())
            throw Error($"did not expect '{Shown()}'");
    }

    private Expression Choices(int depth)
    {
        if (depth > MaxDepth)
            throw Error($"groups are nested more than {MaxDepth} deep");
        List<Expression> choices = [Parts(depth)];
        while (Take("|"))
            choices.Add(Parts(depth));
        return Expression.Either([.. choices]);
    }

    private Expression Parts(int depth)
    {
        var parts = new List<Expression>();
        while (_at < _text.Length && _text[_at] is not ('|' or ')') && !AtRule())
        {
            Expression item = Item(depth);
            parts.Add(Repetition(item));
        }
        return parts.Count == 1 ? parts[0] : new Sequence(parts);
    }

    private Expression Item(int depth)
    {
        switch (_text[_at])
        {
            case '"':
                return Quoted();
            case '[':
                return Class();
            case '.':
                _at++;
                Blanks();
                return Expression.Of(CodePoints.All);
            case '(':
                int open = _at;
                Take("(");
                Expression inside = Choices(depth + 1);
                return Take(")") ? inside : throw ErrorAt(open, "this group does not end");
            default:
                int start = _at;
                string name = Name() ?? throw Error($"did not expect '{Shown()}'");
                int rule = RuleOf(name);
                _firstUse.TryAdd(rule, start);
                return new Call(rule);
        }
    }

    private Expression Repetition(Expression item)
    {
        (int Least, int? Most)? all = null;
        while (_at < _text.Length)
        {
            int start = _at;
            (int Least, int? Most)? sign = _text[_at] switch
            {
                '*' => (0, null),
                '+' => (1, null),
                '?' => (0, 1),
                '{' => null,
                _ => (-1, null),
            };
            if (sign is { Least: < 0 })
                break;
            _at++;
            (int least, int? most) = sign ?? Braces();
            Blanks();
            // Of signs in a row each would be a nesting of its own; those of ?, * and + are one of them.
            if (all is { } before)
            {
                if (!IsSign(before) || !IsSign((least, most)))
                    throw ErrorAt(start, "a repetition stands behind another one; put what it repeats into a group");
                (least, most) = (before.Least * least, before.Most == 1 && most == 1 ? 1 : null);
            }
            all = (least, most);
        }
        return all is { } count ? new Repeat(item, count.Least, count.Most) : item;
    }

    /// <summary>Whether a repetition is one of <c>? * +</c>, or changes nothing.</summary>
    private static bool IsSign((int Least, int? Most) count) => count.Least <= 1 && count.Most is null or 1;

    private (int Least, int? Most) Braces()
    {
        Blanks();
        int least = Number();
        int? most = least;
        if (Take(","))
            most = _at < _text.Length && char.IsAsciiDigit(_text[_at]) ? Number() : null;
        if (most < least)
            throw Error($"the repetition {{{least},{most}}} ends before it begins");
        if (_at >= _text.Length || _text[_at++] != '}')
            throw Error("expected } behind the numbers of a repetition");
        return (least, most);
    }

    private int Number()
    {
        int start = _at;
        while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
            _at++;
        if (!int.TryParse(_text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number > MaxRepetition)
            throw ErrorAt(start, $"expected a number up to {MaxRepetition}");
        Blanks();
        return number;
    }

    private Literal Quoted()
    {
        int start = _at++;
        var text = new StringBuilder();
        while (_at < _text.Length && _text[_at] is not ('"' or '\n'))
            text.Append(Character().ToString());
        if (_at >= _text.Length || _text[_at] != '"')
            throw ErrorAt(start, "this text does not end on its line");
        _at++;
        Blanks();
        return new Literal(text.ToString());
    }

    private Character Class()
    {
        int start = _at++;
        bool negated = _at < _text.Length && _text[_at] == '^';
        if (negated)
            _at++;
        var ranges = new List<(int, int)>();
        while (_at < _text.Length && _text[_at] is not (']' or '\n'))
        {
            int first = Character().Value, last = first;
            if (_at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']')
            {
                _at++;
                last = Character().Value;
            }
            if (last < first)
                throw ErrorAt(start, "a range in this class ends before it begins");
            ranges.Add((first, last));
        }
        if (_at >= _text.Length || _text[_at] != ']')
            throw ErrorAt(start, "this class does not end on its line");
        _at++;
        Blanks();
        CodePoints set = negated ? CodePoints.Of(ranges).Not() : CodePoints.Of(ranges);
        return set.IsEmpty ? throw ErrorAt(start, "no character is in this class") : new Character(set);
    }

    private Rune Character()
    {
        if (_text[_at] != '\\')
        {
            if (Rune.DecodeFromUtf16(_text.AsSpan(_at), out Rune plain, out int length) != System.Buffers.OperationStatus.Done)
                throw Error("broken Unicode");
            _at += length;
            return plain;
        }
        char kind = _at + 1 < _text.Length ? _text[_at + 1] : throw Error("the grammar ends in a backslash");
        int digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
            return Hexadecimal(digits);
        char meant = kind switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' or '"' or '[' or ']' or '-' or '^' => kind,
            _ => throw Error($"the escape \\{kind} is not known"),
        };
        _at += 2;
        return new Rune(meant);
    }

    private Rune Hexadecimal(int digits)
    {
        if (_at + 2 + digits > _text.Length
            || !uint.TryParse(_text.AsSpan(_at + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code)
            || !Rune.IsValid(code))
        {
            throw Error($"expected {digits} hexadecimal digits of a character");
        }
        _at += 2 + digits;
        return new Rune(code);
    }

    private int RuleOf(string name) => _names.TryGetValue(name, out int rule) ? rule : _names[name] = _rules.Declare(name);

    /// <summary>Whether a rule begins here: a name with ::= behind it.</summary>
    private bool AtRule()
    {
        int before = _at;
        bool begins = Name() is not null && _text.AsSpan(_at).StartsWith("::=", StringComparison.Ordinal);
        _at = before;
        return begins;
    }

    private string? Name()
    {
        int start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '-' or '_'))
            _at++;
        string name = _text[start.._at];
        Blanks();
        return name.Length > 0 ? name : null;
    }

    private bool Take(string sign)
    {
        if (!_text.AsSpan(_at).StartsWith(sign, StringComparison.Ordinal))
            return false;
        _at += sign.Length;
        Blanks();
        return true;
    }

    private void Blanks()
    {
        while (_at < _text.Length)
        {
            if (_text[_at] == '#')
                _at = _text.IndexOf('\n', _at) is var end and >= 0 ? end : _text.Length;
            else if (_text[_at] is ' ' or '\t' or '\r' or '\n')
                _at++;
            else
                break;
        }
    }

    private string Shown() => char.IsControl(_text[_at]) ? $"\\x{(int)_text[_at]:X2}" : Rune.GetRuneAt(_text, _at).ToString();

    private GrammarException Error(string problem) => ErrorAt(_at, problem);

    private GrammarException ErrorAt(int at, string problem) => new(_origin, problem, 1 + _text.AsSpan(0, at).Count('\n'));
}
