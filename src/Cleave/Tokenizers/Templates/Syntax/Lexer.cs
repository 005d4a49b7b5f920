namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>
/// Cuts a template into tokens. White space is as with Jinja's <c>trim_blocks</c> and <c>lstrip_blocks</c>, which chat
/// templates are written for: the line break after a statement or comment goes, and so do the blanks before one that
/// begins its line; <c>-</c> takes all white space on its side, <c>+</c> keeps it.
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}"];

    private readonly string _text;
    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _open = new();
    private int _at;

    private Lexer(string text) => _text = text;

    /// <param name="source">Line breaks are <c>\n</c>; the last one of the template is already gone.</param>
    public static List<Token> Read(string source)
    {
        var lexer = new Lexer(source);
        lexer.ReadAll();
        return lexer._tokens;
    }

    private void ReadAll()
    {
        while (_at < _text.Length)
        {
            int tag = NextTag(_at);
            AddData(_at, tag);
            if (tag == _text.Length)
                break;
            _at = tag + 2;
            char kind = _text[tag + 1];
            bool signed = _at < _text.Length && _text[_at] is '-' or '+';
            if (signed && _at < _text.Length)
                _at++;
            if (kind == '#')
                SkipComment(tag);
            else if (kind == '%' && IsRaw(_at, "raw", out int bodyStart, out bool trims))
                ReadRaw(tag, bodyStart, trims);
            else
                ReadTag(tag, kind == '%');
        }
        _tokens.Add(new Token(TokenKind.End, "", _text.Length));
    }

    private int NextTag(int from)
    {
        for (int i = from; ; i++)
        {
            i = _text.IndexOf('{', i);
            if (i < 0 || i + 1 >= _text.Length)
                return _text.Length;
            if (_text[i + 1] is '{' or '%' or '#')
                return i;
        }
    }

    private void AddData(int start, int end)
    {
        int from = start;
        if (end < _text.Length)
            end = WithoutBlanksBefore(start, end);
        if (end > from)
            _tokens.Add(new Token(TokenKind.Data, _text[from..end], from));
    }

    // Where the text before a tag ends: its trailing white space may belong to the tag.
    private int WithoutBlanksBefore(int start, int tag)
    {
        char sign = tag + 2 < _text.Length ? _text[tag + 2] : ' ';
        int end = tag;
        if (sign == '-')
        {
            while (end > start && PythonText.IsSpace(_text[end - 1]))
                end--;
            return end;
        }
        if (sign == '+' || _text[tag + 1] == '{')
            return tag;
        while (end > start && _text[end - 1] != '\n' && PythonText.IsSpace(_text[end - 1]))
            end--;
        return end == 0 || _text[end - 1] == '\n' ? end : tag;
    }

    private void SkipComment(int tag)
    {
        int end = _text.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw new SyntaxFault(tag, "the comment has no end: '#}' is missing");
        AfterTag(end > _at - 1 ? _text[end - 1] : ' ', end + 2, trimsLine: true);
    }

    private void AfterTag(char sign, int next, bool trimsLine)
    {
        _at = next;
        if (sign == '-')
        {
            while (_at < _text.Length && PythonText.IsSpace(_text[_at]))
                _at++;
        }
        else if (trimsLine && sign != '+' && _at < _text.Length && _text[_at] == '\n')
        {
            _at++;
        }
    }

    // Whether a statement with only this name follows.
    private bool IsRaw(int from, string name, out int next, out bool trims)
    {
        next = SkipBlanks(from);
        trims = false;
        if (string.CompareOrdinal(_text, next, name, 0, name.Length) != 0)
            return false;
        next = SkipBlanks(next + name.Length);
        trims = next < _text.Length && _text[next] == '-';
        if (next < _text.Length && _text[next] is '-' or '+')
            next++;
        if (string.CompareOrdinal(_text, next, "%}", 0, 2) != 0)
            return false;
        next += 2;
        return true;
    }

    private int SkipBlanks(int i)
    {
        while (i < _text.Length && PythonText.IsSpace(_text[i]))
            i++;
        return i;
    }

    private void ReadRaw(int tag, int start, bool trims)
    {
        AfterTag(trims ? '-' : ' ', start, trimsLine: true);
        int from = _at;
        for (int i = from; (i = _text.IndexOf("{%", i, StringComparison.Ordinal)) >= 0; i++)
        {
            int after = i + 2 < _text.Length && _text[i + 2] is '-' or '+' ? i + 3 : i + 2;
            if (after > _text.Length || !IsRaw(after, "endraw", out int next, out bool trimsAfter))
                continue;
            int end = WithoutBlanksBefore(from, i);
            if (end > from)
                _tokens.Add(new Token(TokenKind.Data, _text[from..end], from));
            AfterTag(trimsAfter ? '-' : ' ', next, trimsLine: true);
            return;
        }
        throw new SyntaxFault(tag, "the raw block has no end: '{% endraw %}' is missing");
    }

    private void ReadTag(int tag, bool statement)
    {
        _open.Clear();
        string end = statement ? "%}" : "}}";
        _tokens.Add(new Token(statement ? TokenKind.StatementBegin : TokenKind.ExpressionBegin, _text[tag..(tag + 2)], tag));
        while (true)
        {
            _at = SkipBlanks(_at);
            if (_at >= _text.Length)
                throw new SyntaxFault(tag, $"'{_text[tag..(tag + 2)]}' has no end: '{end}' is missing");
            char sign = _text[_at] is '-' or '+' && string.CompareOrdinal(_text, _at + 1, end, 0, 2) == 0 && (statement || _text[_at] == '-') ? _text[_at] : ' ';
            int endAt = sign == ' ' ? _at : _at + 1;
            // A brace that is open is closed first: {{ {'a': {}} }}.
            if (_open.Count == 0 && string.CompareOrdinal(_text, endAt, end, 0, 2) == 0)
            {
                _tokens.Add(new Token(statement ? TokenKind.StatementEnd : TokenKind.ExpressionEnd, end, _at));
                AfterTag(sign, endAt + 2, trimsLine: statement);
                return;
            }
            ReadToken();
        }
    }

    private void ReadToken()
    {
        int start = _at;
        char c = _text[_at];
        if (c is '\'' or '"')
        {
            _tokens.Add(new Token(TokenKind.Text, StringLiteral.Read(_text, ref _at), start));
        }
        else if (char.IsLetter(c) || c == '_')
        {
            while (_at < _text.Length && (char.IsLetterOrDigit(_text[_at]) || _text[_at] == '_'))
                _at++;
            _tokens.Add(new Token(TokenKind.Name, _text[start.._at], start));
        }
        else if (char.IsAsciiDigit(c))
        {
            _tokens.Add(NumberLiteral.Read(_text, ref _at));
        }
        else
        {
            string found = Array.Find(Operators, o => string.CompareOrdinal(_text, start, o, 0, o.Length) == 0)
                ?? throw new SyntaxFault(start, $"unexpected character {PythonText.Quote(c.ToString())}");
            Balance(found[0], start);
            _at += found.Length;
            _tokens.Add(new Token(TokenKind.Operator, found, start));
        }
    }

    private void Balance(char c, int position)
    {
        if (c is '(' or '[' or '{')
        {
            if (_open.Count >= TemplateLimits.MaxNesting)
                throw new SyntaxFault(position, $"more than {TemplateLimits.MaxNesting} brackets are open");
            _open.Push(c);
            return;
        }
        char opening = c switch { ')' => '(', ']' => '[', '}' => '{', _ => '\0' };
        if (opening != '\0' && (!_open.TryPop(out char last) || last != opening))
            throw new SyntaxFault(position, $"'{c}' closes nothing that is open");
    }
}
