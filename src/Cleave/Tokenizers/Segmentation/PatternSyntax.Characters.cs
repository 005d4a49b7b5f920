using System.Buffers;
using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Segmentation;

/// <remarks>Single characters, as they stand or escaped, and ranges of them.</remarks>
internal sealed partial class PatternSyntax
{
    /// <summary>Takes one character, as it stands or escaped; null, and nothing taken, before an escape that stands for several or for a place.</summary>
    private int? Character(bool inClass)
    {
        ReadOnlySpan<char> rest = _pattern.AsSpan(_at);
        if (rest[0] != '\\')
            return Plain(rest, 0);
        if (rest.Length < 2)
            throw new ArgumentException("the pattern ends in a backslash");
        char kind = rest[1];
        if (kind is 'x' or 'u')
            return Hexadecimal(rest);
        if (kind is >= '0' and <= '7' && (inClass || kind == '0'))
            return Digits(rest[1..], 1, most: 3, radix: 8);
        if (!char.IsAsciiLetterOrDigit(kind))
            return Plain(rest[1..], 1);
        int code = kind switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => '\e',
            'b' when inClass => '\b',
            _ => -1,
        };
        if (code < 0)
            return null;
        _at += 2;
        return code;
    }

    /// <param name="skipped">What stands before the character.</param>
    private int Plain(ReadOnlySpan<char> rest, int skipped)
    {
        if (Rune.DecodeFromUtf16(rest, out Rune rune, out int length) != OperationStatus.Done)
            throw new ArgumentException("the pattern holds broken Unicode");
        _at += skipped + length;
        return rune.Value;
    }

    /// <summary>A character by its number: <c>\xH</c>, <c>\xHH</c>, <c>\x{H…}</c> or <c>\uHHHH</c>.</summary>
    private int Hexadecimal(ReadOnlySpan<char> rest)
    {
        if (!rest.StartsWith("\\x{"))
            return Digits(rest[2..], 2, rest[1] == 'x' ? 2 : 4, radix: 16);
        int end = rest.IndexOf('}');
        if (end < 0 || !int.TryParse(rest[3..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
            throw new ArgumentException("\\x{…} is a hexadecimal number up to 10FFFF");
        _at += end + 1;
        return code;
    }

    /// <param name="skipped">What stands before the digits.</param>
    private int Digits(ReadOnlySpan<char> digits, int skipped, int most, int radix)
    {
        int count = 0, code = 0;
        for (; count < most && count < digits.Length && ValueOf(digits[count]) is var digit && digit < radix; count++)
            code = radix * code + digit;
        if (count == 0 || (most == 4 && count < most))
            throw new ArgumentException("\\x takes one or two hexadecimal digits, \\u four");
        _at += skipped + count;
        return code;
    }

    private static int ValueOf(char digit) =>
        char.IsAsciiDigit(digit) ? digit - '0' : char.IsAsciiHexDigit(digit) ? (digit | 0x20) - 'a' + 10 : int.MaxValue;

    /// <summary>A character of a class, or a range of them.</summary>
    private string Range(int first)
    {
        ReadOnlySpan<char> rest = _pattern.AsSpan(_at);
        if (rest.Length < 2 || rest[0] != '-' || rest[1] is ']' or '[' || rest[1..].StartsWith("&&"))
            return _standIns.ClassOf(first, first);
        _at++;
        if (Character(inClass: true) is not { } last)
        {
            _at--; // a hyphen before a set stands for itself
            return _standIns.ClassOf(first, first);
        }
        return last >= first ? _standIns.ClassOf(first, last) : throw new ArgumentException("a range in a class ends before it begins");
    }
}
