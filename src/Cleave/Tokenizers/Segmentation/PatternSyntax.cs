using System.Text;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>
/// Puts a pattern in Oniguruma's (Ruby's) syntax, as tokenizer.json holds it, into .NET's: possessive quantifiers,
/// intersections of classes, scripts, POSIX brackets. What means the same in both passes unchanged.
/// </summary>
internal sealed partial class PatternSyntax
{
    /// <summary>What a translation may be longer than its pattern.</summary>
    private const int MostTimes = 64, MostBesides = 1 << 16;

    private readonly string _pattern;
    private readonly StandIns _standIns;
    private readonly StringBuilder _output = new();
    private readonly Stack<int> _groups = [];
    private int _at, _atom = -1;

    private PatternSyntax(string pattern, StandIns standIns) => (_pattern, _standIns) = (pattern, standIns);

    /// <param name="standIns">What characters beyond U+FFFF are shown as.</param>
    /// <exception cref="ArgumentException">The pattern uses what is not supported.</exception>
    public static string Translate(string pattern, StandIns standIns)
    {
        var syntax = new PatternSyntax(pattern, standIns);
        while (syntax._at < pattern.Length)
        {
            syntax.Next();
            if (syntax._output.Length > MostTimes * pattern.Length + MostBesides)
                throw new ArgumentException("too many classes from which characters beyond U+FFFF are left out");
        }
        return syntax._output.ToString();
    }

    private void Next()
    {
        char c = _pattern[_at];
        switch (c)
        {
            case '\\':
                _atom = _output.Length;
                if (Character(inClass: false) is { } escaped)
                    Append(escaped);
                else
                    Escape(inClass: false);
                break;
            case '[':
                _atom = _output.Length;
                _output.Append(Class());
                break;
            case '(':
                _groups.Push(_output.Length);
                _output.Append(c);
                _at++;
                // What follows "(?" belongs to the group and is no quantifier.
                if (_at < _pattern.Length && _pattern[_at] == '?')
                {
                    _output.Append('?');
                    _at++;
                }
                _atom = -1;
                break;
            case ')':
                _atom = _groups.TryPop(out int start) ? start : -1;
                _output.Append(c);
                _at++;
                break;
            case '*' or '+' or '?':
                _at++;
                Quantifier(c.ToString(), canBePossessive: true);
                break;
            case '{' when Braces() is { } braces:
                _at += braces.Length;
                Quantifier(braces, canBePossessive: false);
                break;
            default:
                _atom = _output.Length;
                if (char.IsSurrogate(c))
                {
                    Append(Character(inClass: false)!.Value);
                    break;
                }
                _standIns.Name(c, c);
                _output.Append(c);
                _at++;
                break;
        }
    }

    private void Append(int code)
    {
        string inside = _standIns.ClassOf(code, code);
        _output.Append(code > char.MaxValue ? $"[{inside}]" : inside);
    }

    private void Quantifier(string quantifier, bool canBePossessive)
    {
        if (_atom >= 0 && _at < _pattern.Length && _pattern[_at] == '+')
        {
            _at++;
            // In Ruby's syntax {n,m}+ repeats the repetition.
            _output.Insert(_atom, canBePossessive ? "(?>" : "(?:").Append(quantifier).Append(canBePossessive ? ")" : ")+");
            return;
        }
        _output.Append(quantifier);
        if (_at < _pattern.Length && _pattern[_at] == '?')
        {
            _output.Append('?');
            _at++;
        }
    }

    /// <summary>A quantifier in braces at this place, or null where the brace stands for itself.</summary>
    private string? Braces()
    {
        int end = _pattern.IndexOf('}', _at);
        if (end < 0 || end == _at + 1)
            return null;
        string inside = _pattern[(_at + 1)..end];
        if (!inside.All(c => char.IsAsciiDigit(c) || c == ',') || inside.Count(c => c == ',') > 1 || inside == ",")
            return null;
        return inside[0] == ',' ? throw new ArgumentException($"the quantifier {{{inside}}} has no lower bound") : $"{{{inside}}}";
    }

    /// <summary>An escape that is no character: appended as it is to be outside of a class, or returned as a part of one.</summary>
    private string Escape(bool inClass)
    {
        char kind = _pattern[_at + 1];
        string inside;
        switch (kind)
        {
            case 'p' or 'P':
                (string set, bool negated) = Property(kind == 'P');
                if (!inClass)
                    _output.Append(negated ? $"[^{set}]" : $"[{set}]");
                else if (negated)
                    throw new ArgumentException($"the negated property {set} inside a class is not supported");
                return set;
            case 'h':
                inside = "0-9A-Fa-f";
                break;
            case 'w':
                inside = PatternProperties.Word;
                break;
            case 'W' when !inClass:
                _at += 2;
                _output.Append($"[^{PatternProperties.Word}]");
                return "";
            case 'R' when !inClass:
                _at += 2;
                _output.Append(@"(?:\r\n|[\n-\r\u0085\u2028\u2029])");
                return "";
            case 'K' or 'X' or 'y' or 'Y' or 'N' or 'O':
                throw new ArgumentException($"\\{kind} is not supported");
            default:
                inside = _pattern.Substring(_at, 2);
                _at += 2;
                if (!inClass)
                    _output.Append(inside);
                return inside;
        }
        _at += 2;
        if (!inClass)
            _output.Append('[').Append(inside).Append(']');
        return inside;
    }

    private (string Set, bool Negated) Property(bool negated)
    {
        int end = _at + 2 < _pattern.Length && _pattern[_at + 2] == '{' ? _pattern.IndexOf('}', _at) : -1;
        if (end < 0)
            throw new ArgumentException("a property is written \\p{NAME}");
        string name = _pattern[(_at + 3)..end];
        _at = end + 1;
        if (name.StartsWith('^'))
            (name, negated) = (name[1..], !negated);
        if (PatternProperties.Find(name) is { } known)
            return (known, negated);
        // .NET's own properties can be negated anywhere.
        return (negated ? $"\\P{{{name}}}" : $"\\p{{{name}}}", false);
    }

    /// <summary>A class with everything in it, as .NET writes it; an intersection becomes look-ahead.</summary>
    private string Class()
    {
        (bool negated, List<string> parts) = ClassParts(depth: 0);
        if (parts.Count == 1)
            return $"[{(negated ? "^" : "")}{parts[0]}]";
        string all = string.Concat(parts.SkipLast(1).Select(p => $"(?={Bracketed(p)})")) + Bracketed(parts[^1]);
        return negated ? $"(?:(?!{all})[\\s\\S])" : $"(?:{all})";
    }

    // A part that begins with ^ came from a negated class; characters are written by their numbers.
    private static string Bracketed(string part) => $"[{part}]";

    private (bool Negated, List<string> Parts) ClassParts(int depth)
    {
        if (depth > 8)
            throw new ArgumentException("classes are nested too deeply");
        _at++;
        bool negated = _at < _pattern.Length && _pattern[_at] == '^';
        if (negated)
            _at++;
        var parts = new List<string>();
        var current = new StringBuilder();
        for (bool first = true; ; first = false)
        {
            if (_at >= _pattern.Length)
                throw new ArgumentException("a class in brackets does not end");
            char c = _pattern[_at];
            if (c == ']' && !first)
                break;
            if (c == '[')
                AppendNested(current, depth);
            else if (c == '&' && _pattern.AsSpan(_at).StartsWith("&&"))
            {
                parts.Add(current.ToString());
                current.Clear();
                _at += 2;
            }
            else if (Character(inClass: true) is { } character)
                current.Append(Range(character));
            else
                current.Append(Escape(inClass: true));
        }
        _at++;
        parts.Add(current.ToString());
        if (parts.Exists(p => p.Length == 0))
            throw new ArgumentException("a class in brackets is empty");
        return (negated, parts);
    }

    private void AppendNested(StringBuilder current, int depth)
    {
        if (_pattern.AsSpan(_at).StartsWith("[:") && _pattern.IndexOf(":]", _at, StringComparison.Ordinal) is var end and > 0)
        {
            string name = _pattern[(_at + 2)..end];
            current.Append(PatternProperties.Find(name) ?? throw new ArgumentException($"the class [:{name}:] is not known"));
            _at = end + 2;
            return;
        }
        int start = _at;
        (bool negated, List<string> parts) = ClassParts(depth + 1);
        bool alone = current.Length == 0 && (_pattern.AsSpan(_at).StartsWith("&&") || _pattern.AsSpan(_at).StartsWith("]"));
        if (parts.Count > 1 || (negated && !alone))
            throw new ArgumentException($"the class {_pattern[start.._at]} inside another is not supported");
        if (negated)
            current.Append('^');
        current.Append(parts[0]);
    }
}
