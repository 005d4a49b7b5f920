using System.Buffers;
using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>
/// Characters beyond U+FFFF, of which .NET's patterns see two halves: each is shown to a pattern as one stand-in of its own
/// general category. Those that the pattern names have stand-ins that it shares with no other.
/// </summary>
internal sealed class StandIns
{
    private const int First = 0x10000, Last = 0x10FFFF, MostNamed = 500;

    /// <summary>Characters that texts hardly ever hold, by category: where one does occur, it is shown as its category's common stand-in.</summary>
    private static readonly (int First, int Last)[] Reserves =
    [
        (0xA000, 0xA48C), (0x3400, 0x34FF), (0x13A0, 0x13EF), (0xAB70, 0xABBF), (0x1D2C, 0x1D6A), (0x1DC0, 0x1DFF), (0x1C24, 0x1C2B), (0xA620, 0xA629), (0x2E3A, 0x2E3B), (0x2474, 0x249B), (0x2180, 0x2182),
        (0x2800, 0x28FF), (0x2A00, 0x2AFF), (0xA708, 0xA716), (0x20A0, 0x20AB), (0x2E00, 0x2E16), (0x206A, 0x206F), (0xE100, 0xE1FF), (0xFDD0, 0xFDEF),
    ];

    private readonly string _pattern;
    private readonly List<(int First, int Last)> _named = [];
    private readonly Dictionary<(int Cell, char Common), char> _own = [];
    private int[] _cuts = [];
    private SearchValues<char>? _reserved;

    public StandIns(string pattern) => _pattern = pattern;

    /// <summary>The inside of a class for the characters of a range; while the pattern is read the first time, only remembers it.</summary>
    public string ClassOf(int first, int last)
    {
        if (_cuts.Length == 0)
        {
            _named.Add((first, last));
            return "\uFFFF";
        }
        int from = CellOf(first), to = CellOf(last);
        return string.Concat(_own.Where(o => o.Key.Cell >= from && o.Key.Cell <= to).Select(o => o.Value).Order().Select(c => $"\\u{(int)c:X4}"));
    }

    /// <summary>Gives stand-ins to what was named: to each part of the range beyond U+FFFF that the pattern tells apart, one for each category in it.</summary>
    /// <returns>Whether anything was named, so that the pattern has to be read again.</returns>
    /// <exception cref="ArgumentException">The pattern tells too many parts apart.</exception>
    public bool Assign()
    {
        if (_named.Count == 0)
            return false;
        if (_named.Count > MostNamed)
            throw TooMany();
        _cuts = [.. _named.SelectMany(r => (int[])[r.First, r.Last + 1]).Append(First).Append(Last + 1).Distinct().Order()];
        Dictionary<char, Queue<char>> free = Free();
        for (int cell = 0; cell + 1 < _cuts.Length; cell++)
        {
            if (!_named.Exists(r => r.First <= _cuts[cell] && _cuts[cell] <= r.Last))
                continue;
            for (int code = _cuts[cell]; code < _cuts[cell + 1]; code++)
            {
                char common = Common(new Rune(code));
                if (!_own.ContainsKey((cell, common)))
                    _own[(cell, common)] = free.TryGetValue(common, out Queue<char>? queue) && queue.TryDequeue(out char own) ? own : throw TooMany();
            }
        }
        _reserved = SearchValues.Create([.. _own.Values]);
        return true;
    }

    /// <summary>Whether a text holds anything that a pattern has to be shown differently.</summary>
    public bool ChangeAny(ReadOnlySpan<char> text) =>
        text.ContainsAnyInRange('\uD800', '\uDFFF') || (_reserved is not null && text.ContainsAny(_reserved));

    /// <summary>What a pattern is shown for a character.</summary>
    public char Of(Rune rune)
    {
        if (rune.IsBmp)
            return _reserved is not null && _reserved.Contains((char)rune.Value) ? Common(rune) : (char)rune.Value;
        char common = Common(rune);
        return _cuts.Length > 0 && _own.TryGetValue((CellOf(rune.Value), common), out char own) ? own : common;
    }

    private static ArgumentException TooMany() => new("too many different characters beyond U+FFFF in a pattern");

    private int CellOf(int code) => Array.BinarySearch(_cuts, code) is var at && at < 0 ? ~at - 1 : at;

    /// <summary>Reserves by the stand-in whose category they share, without those that the pattern itself holds.</summary>
    private Dictionary<char, Queue<char>> Free()
    {
        var free = new Dictionary<char, Queue<char>>();
        foreach ((int first, int last) in Reserves)
        {
            for (int code = first; code <= last; code++)
            {
                char common = Common(new Rune(code));
                if (code == common || _pattern.Contains((char)code, StringComparison.Ordinal))
                    continue;
                if (!free.TryGetValue(common, out Queue<char>? queue))
                    free[common] = queue = [];
                queue.Enqueue((char)code);
            }
        }
        return free;
    }

    /// <summary>A character of the same category that no pattern is likely to name, alone or in a range.</summary>
    private static char Common(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => '\u13A0',
        UnicodeCategory.LowercaseLetter => '\uAB70',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\uA9CF',
        // The supplementary planes of Chinese characters, and letters of any other script.
        UnicodeCategory.OtherLetter => rune.Value is >= 0x20000 or (>= 0x3400 and <= 0x9FFF) ? '\u4E00' : '\u16A0',
        UnicodeCategory.NonSpacingMark => '\u1AB0',
        UnicodeCategory.SpacingCombiningMark => '\u1B35',
        UnicodeCategory.EnclosingMark => '\uA670',
        UnicodeCategory.DecimalDigitNumber => '\uA620',
        UnicodeCategory.LetterNumber => '\u16EE',
        UnicodeCategory.OtherNumber => '\uA830',
        UnicodeCategory.MathSymbol => '\u2AFF',
        UnicodeCategory.CurrencySymbol => '\uA838',
        UnicodeCategory.ModifierSymbol => '\uA700',
        UnicodeCategory.OtherSymbol => '\u4DC0',
        UnicodeCategory.DashPunctuation => '\u2E17',
        UnicodeCategory.OtherPunctuation => '\u2E18',
        UnicodeCategory.Format => '\uFFF9',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\uFFFF',
    };
}
