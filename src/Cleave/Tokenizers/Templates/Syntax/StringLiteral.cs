using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>A text in quotes, with Python's escapes.</summary>
internal static class StringLiteral
{
    public static string Read(string source, ref int at)
    {
        int start = at;
        char quote = source[at++];
        var text = new StringBuilder();
        while (at < source.Length && source[at] != quote)
        {
            if (source[at] == '\\' && at + 1 < source.Length)
                ReadEscape(source, ref at, text);
            else
                text.Append(source[at++]);
        }
        if (at >= source.Length)
            throw new SyntaxFault(start, $"the text has no end: {quote} is missing");
        at++;
        return text.ToString();
    }

    private static void ReadEscape(string source, ref int at, StringBuilder text)
    {
        int start = at;
        char c = source[at + 1];
        at += 2;
        switch (c)
        {
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case '\n': break;
            case '\\' or '\'' or '"': text.Append(c); break;
            case 'x': AppendHex(source, ref at, 2, start, text); break;
            case 'u': AppendHex(source, ref at, 4, start, text); break;
            case 'U': AppendHex(source, ref at, 8, start, text); break;
            case >= '0' and <= '7': AppendOctal(source, ref at, text); break;
            case 'N': throw new SyntaxFault(start, "characters cannot be named with \\N; write the character itself or \\u with its number");
            // Python leaves a backslash alone that begins nothing.
            default: text.Append('\\').Append(c); break;
        }
    }

    private static void AppendHex(string source, ref int at, int digits, int start, StringBuilder text)
    {
        if (at + digits > source.Length || !uint.TryParse(source.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || code > 0x10FFFF)
            throw new SyntaxFault(start, $"the escape needs {digits} hexadecimal digits of a character");
        at += digits;
        if (code > 0xFFFF)
            text.Append(char.ConvertFromUtf32((int)code));
        else
            text.Append((char)code);
    }

    private static void AppendOctal(string source, ref int at, StringBuilder text)
    {
        int code = source[at - 1] - '0';
        for (int n = 1; n < 3 && at < source.Length && source[at] is >= '0' and <= '7'; n++)
            code = 8 * code + source[at++] - '0';
        text.Append((char)code);
    }
}
