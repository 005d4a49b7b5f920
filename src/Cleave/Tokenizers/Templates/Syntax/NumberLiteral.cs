using System.Globalization;

namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>Whole numbers (also with 0x, 0o and 0b) and numbers with a point or exponent; underscores may stand between digits.</summary>
internal static class NumberLiteral
{
    public static Token Read(string source, ref int at)
    {
        int start = at;
        if (source[at] == '0' && at + 2 < source.Length && char.ToLowerInvariant(source[at + 1]) is var prefix and ('x' or 'o' or 'b') && char.IsAsciiHexDigit(source[at + 2]))
            return ReadInBase(source, ref at, prefix switch { 'x' => 16, 'o' => 8, _ => 2 });
        Digits(source, ref at);
        bool isFloat = false;
        if (at + 1 < source.Length && source[at] == '.' && char.IsAsciiDigit(source[at + 1]))
        {
            isFloat = true;
            at++;
            Digits(source, ref at);
        }
        int exponent = at;
        if (at < source.Length && source[at] is 'e' or 'E')
        {
            exponent++;
            if (exponent < source.Length && source[exponent] is '+' or '-')
                exponent++;
            if (exponent < source.Length && char.IsAsciiDigit(source[exponent]))
            {
                isFloat = true;
                at = exponent;
                Digits(source, ref at);
            }
        }
        string digits = source[start..at].Replace("_", "", StringComparison.Ordinal);
        if (isFloat)
            return new Token(TokenKind.Float, digits, start);
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw new SyntaxFault(start, "the whole number does not fit 64 bits");
        return new Token(TokenKind.Integer, digits, start);
    }

    private static void Digits(string source, ref int at)
    {
        while (at < source.Length && (char.IsAsciiDigit(source[at]) || (source[at] == '_' && at + 1 < source.Length && char.IsAsciiDigit(source[at + 1]))))
            at++;
    }

    private static Token ReadInBase(string source, ref int at, int radix)
    {
        int start = at;
        long value = 0;
        for (at += 2; at < source.Length && (char.IsAsciiHexDigit(source[at]) || source[at] == '_'); at++)
        {
            if (source[at] == '_')
                continue;
            int digit = Convert.ToInt32(source[at].ToString(), 16);
            if (digit >= radix)
                throw new SyntaxFault(at, $"'{source[at]}' is not a digit to the base {radix}");
            if (value > (long.MaxValue - digit) / radix)
                throw new SyntaxFault(start, "the whole number does not fit 64 bits");
            value = radix * value + digit;
        }
        return new Token(TokenKind.Integer, value.ToString(CultureInfo.InvariantCulture), start);
    }
}
