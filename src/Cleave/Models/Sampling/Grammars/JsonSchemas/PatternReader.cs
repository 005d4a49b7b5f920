using System.Globalization;
using System.Text;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>
/// Reads the regular part of ECMA-262's regular expressions, as JSON Schema's <c>pattern</c> holds it: characters, classes,
/// groups, alternatives, repetitions and the anchors at both ends. Each character is written as JSON writes it.
/// </summary>
internal sealed class PatternReader
{
    private const int MaxLength = 1000, MaxDepth = 32, MaxRepetition = 10_000;

    private static readonly CodePoints Digits = CodePoints.Of(('0', '9'));
    private static readonly CodePoints Words = CodePoints.Of(('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_'));
    private static readonly CodePoints Spaces = CodePoints.Of((9, 13), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));
    private static readonly CodePoints LineEnds = CodePoints.Of((10, 10), (13, 13), (0x2028, 0x2029));

    private readonly string _pattern;
    private int _at;

    private PatternReader(string pattern) => _pattern = pattern;

    /// <summary>The texts, without quotation marks, in which the pattern is found.</summary>
    /// <param name="anything">Any text.</param>
    /// <exception cref="FormatException">The pattern is not one, or uses what is not supported.</exception>
    public static Expression Read(string pattern, Expression anything)
    {
        if (pattern.Length > MaxLength)
            throw new FormatException($"it has {pattern.Length} characters, more than {MaxLength}");
        var reader = new PatternReader(pattern);
        var choices = new List<Expression>();
        do
        {
            bool fromStart = reader.Take('^');
            Expression body = reader.Parts(0);
            bool toEnd = reader.Take('$');
            choices.Add(Then(fromStart ? Empty : anything, body, toEnd ? Empty : anything));
        }
        while (reader.Take('|'));
        return reader._at == pattern.Length ? Either([.. choices]) : throw reader.Unexpected();
    }

    private Expression Choices(int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException($"groups are nested more than {MaxDepth} deep");
        List<Expression> choices = [Parts(depth)];
        while (Take('|'))
            choices.Add(Parts(depth));
        return Either([.. choices]);
    }

    private Expression Parts(int depth)
    {
        var parts = new List<Expression>();
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')' or '$'))
            parts.Add(Repetition(Item(depth)));
        return parts.Count == 1 ? parts[0] : new Sequence(parts);
    }

    private Expression Item(int depth)
    {
        switch (_pattern[_at])
        {
            case '(':
                return Group(depth);
            case '[':
                return JsonParts.Encoded(Class());
            case '.':
                _at++;
                return JsonParts.Encoded(LineEnds.Not());
            case '^':
                throw new FormatException("'^' is only supported at the beginning");
            case '*' or '+' or '?' or '{' or '}' or ']':
                throw Unexpected();
            default:
                return JsonParts.Encoded(Member(inClass: false));
        }
    }

    private Expression Group(int depth)
    {
        _at++;
        if (Take('?') && !Take(':'))
            throw new FormatException("groups that begin with '(?' other than '(?:' are not supported");
        Expression inside = Choices(depth + 1);
        return Take(')') ? inside : throw new FormatException("a group does not end");
    }

    private Expression Repetition(Expression item)
    {
        if (_at >= _pattern.Length)
            return item;
        (int Least, int? Most) count;
        switch (_pattern[_at])
        {
            case '*':
                count = (0, null);
                break;
            case '+':
                count = (1, null);
                break;
            case '?':
                count = (0, 1);
                break;
            case '{':
                count = Braces();
                break;
            default:
                return item;
        }
        _at++;
        Take('?'); // a lazy repetition finds the same texts
        return new Repeat(item, count.Least, count.Most);
    }

    /// <summary>Leaves the reader at the closing brace.</summary>
    private (int Least, int? Most) Braces()
    {
        int end = _pattern.IndexOf('}', _at);
        string[] numbers = end < 0 ? [] : _pattern[(_at + 1)..end].Split(',');
        if (numbers.Length is not (1 or 2) || Number(numbers[0]) is not { } least || (numbers.Length == 2 && numbers[1].Length > 0 && Number(numbers[1]) is null))
            throw new FormatException($"a repetition is {{n}}, {{n,}} or {{n,m}} with numbers up to {MaxRepetition}");
        int? most = numbers.Length == 1 ? least : numbers[1].Length == 0 ? null : Number(numbers[1]);
        if (most < least)
            throw new FormatException($"the repetition {{{least},{most}}} ends before it begins");
        _at = end;
        return (least, most);
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= MaxRepetition ? number : null;

    private CodePoints Class()
    {
        _at++;
        bool negated = Take('^');
        var members = new List<(int, int)>();
        while (_at < _pattern.Length && _pattern[_at] != ']')
        {
            CodePoints first = Member(inClass: true);
            if (_at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']')
            {
                _at++;
                CodePoints last = Member(inClass: true);
                if (first.Ranges is not [(int low, int same)] || low != same || last.Ranges is not [(int high, int also)] || high != also || high < low)
                    throw new FormatException("a range in a class is two characters in order");
                first = CodePoints.Of((low, high));
            }
            members.AddRange(first.Ranges);
        }
        if (!Take(']'))
            throw new FormatException("a class in brackets does not end");
        CodePoints set = negated ? CodePoints.Of(members).Not() : CodePoints.Of(members);
        return set.IsEmpty ? throw new FormatException("no character is in a class") : set;
    }

    /// <summary>One character, or the set that an escape stands for.</summary>
    private CodePoints Member(bool inClass)
    {
        if (_pattern[_at] != '\\')
        {
            if (Rune.DecodeFromUtf16(_pattern.AsSpan(_at), out Rune rune, out int length) != System.Buffers.OperationStatus.Done)
                throw new FormatException("it holds broken Unicode");
            _at += length;
            return CodePoints.Of((rune.Value, rune.Value));
        }
        char kind = _at + 1 < _pattern.Length ? _pattern[_at + 1] : throw new FormatException("it ends in a backslash");
        _at += 2;
        int? code = kind switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'b' when inClass => '\b',
            'x' => Hexadecimal(2),
            'u' => Hexadecimal(4),
            _ when !char.IsAsciiLetterOrDigit(kind) && !char.IsSurrogate(kind) => kind,
            _ => null,
        };
        return code is { } character ? CodePoints.Of((character, character)) : kind switch
        {
            'd' => Digits,
            'D' => Digits.Not(),
            'w' => Words,
            'W' => Words.Not(),
            's' => Spaces,
            'S' => Spaces.Not(),
            _ => throw new FormatException($"\\{kind} is not supported"),
        };
    }

    private int Hexadecimal(int digits)
    {
        if (_at + digits > _pattern.Length || !int.TryParse(_pattern.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
            || !Rune.IsValid(code))
        {
            throw new FormatException($"expected {digits} hexadecimal digits of a character");
        }
        _at += digits;
        return code;
    }

    private bool Take(char c)
    {
        if (_at >= _pattern.Length || _pattern[_at] != c)
            return false;
        _at++;
        return true;
    }

    private FormatException Unexpected() => new($"'{_pattern[_at]}' is not expected at character {_at + 1}");
}
