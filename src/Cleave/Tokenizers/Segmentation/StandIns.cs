using System.Buffers;
using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>
/// Characters beyond U+FFFF, of which .NET's patterns see two halves: each is shown to a pattern as one stand-in of its own
/// general category. Where a pattern names characters that are told apart from it, by themselves or in ranges, what lies
/// inside and what lies outside of them have different stand-ins, and a character whose place was taken is shown as another
/// of its category that the pattern cannot tell from it.
/// </summary>
internal sealed class StandIns
{
    private const int First = 0x10000, End = 0x110000, Outside = -1;
    private const char Ideograph = '\u4E00', Unassigned = '\uFFFF';

    /// <summary>Characters that texts hardly ever hold, by category.</summary>
    private static readonly (int First, int Last)[] Reserves =
    [
        (0xA000, 0xA48C), (0x3400, 0x34FF), (0x13A0, 0x13EF), (0xAB70, 0xABBF), (0x1D2C, 0x1D6A), (0x1DC0, 0x1DFF), (0x1C24, 0x1C2B), (0xA620, 0xA629), (0x2E3A, 0x2E3B), (0x2474, 0x249B), (0x2180, 0x2182),
        (0x2800, 0x28FF), (0x2A00, 0x2AFF), (0xA708, 0xA716), (0x20A0, 0x20AB), (0x2E00, 0x2E16), (0x206A, 0x206F), (0xE100, 0xE1FF), (0xFDD0, 0xFDEF),
    ];

    /// <summary>A character of each category that few patterns name, alone or in a range: what they cannot tell apart is all shown as it.</summary>
    private static readonly Dictionary<UnicodeCategory, char> Commons = new()
    {
        [UnicodeCategory.UppercaseLetter] = '\u13A0',
        [UnicodeCategory.LowercaseLetter] = '\uAB70',
        [UnicodeCategory.TitlecaseLetter] = '\u01C5',
        [UnicodeCategory.ModifierLetter] = '\uA9CF',
        [UnicodeCategory.OtherLetter] = '\u16A0',
        [UnicodeCategory.NonSpacingMark] = '\u1AB0',
        [UnicodeCategory.SpacingCombiningMark] = '\u1B35',
        [UnicodeCategory.EnclosingMark] = '\uA670',
        [UnicodeCategory.DecimalDigitNumber] = '\uA620',
        [UnicodeCategory.LetterNumber] = '\u16EE',
        [UnicodeCategory.OtherNumber] = '\uA830',
        [UnicodeCategory.MathSymbol] = '\u2AFF',
        [UnicodeCategory.CurrencySymbol] = '\uA838',
        [UnicodeCategory.ModifierSymbol] = '\uA700',
        [UnicodeCategory.OtherSymbol] = '\u4DC0',
        [UnicodeCategory.DashPunctuation] = '\u2E17',
        [UnicodeCategory.OtherPunctuation] = '\u2E18',
        [UnicodeCategory.Format] = '\uFFF9',
        [UnicodeCategory.PrivateUse] = '\uE000',
    };

    /// <summary>Everything beyond U+FFFF in stretches that have one common stand-in.</summary>
    private static readonly Lazy<(int First, int Last, char Common)[]> Stretches = new(() => [.. FindStretches()]);

    private readonly List<(int First, int Last)> _named = [];
    private readonly Dictionary<(int Part, char Common), char> _own = [];
    private readonly Dictionary<char, char> _displaced = [];
    private char[] _taken = [];
    private int[] _cuts = [];
    private bool[] _covered = [];
    private SearchValues<char>? _reserved;

    /// <summary>Says that a pattern names the characters of a range.</summary>
    public void Name(int first, int last)
    {
        if (_cuts.Length == 0)
            _named.Add((first, last));
    }

    /// <summary>The inside of a class for the characters of a range; not yet the right one while the pattern is read for the first time.</summary>
    public string ClassOf(int first, int last)
    {
        Name(first, last);
        var inside = new StringBuilder();
        int from = first, to = Math.Min(last, First - 1);
        for (int i = Array.BinarySearch(_taken, (char)Math.Min(first, to)) is var at && at < 0 ? ~at : at; i < _taken.Length && _taken[i] <= to; i++)
        {
            Append(inside, from, _taken[i] - 1);
            from = _taken[i] + 1;
        }
        Append(inside, from, to);
        if (last >= First && _cuts.Length > 0)
        {
            int lowest = CellOf(Math.Max(first, First)), highest = CellOf(last);
            foreach (char own in _own.Where(o => o.Key.Part >= lowest && o.Key.Part <= highest).Select(o => o.Value).Order())
                Append(inside, own, own);
        }
        return inside.Length > 0 ? inside.ToString() : "\\uFFFF";
    }

    private static void Append(StringBuilder inside, int first, int last)
    {
        if (first <= last)
            inside.Append(first == last ? $"\\u{first:X4}" : $"\\u{first:X4}-\\u{last:X4}");
    }

    /// <summary>Gives stand-ins to each part of the range beyond U+FFFF that the pattern tells apart, one for each category in it.</summary>
    /// <returns>Whether the common ones do not do, so that the pattern has to be read again.</returns>
    /// <exception cref="ArgumentException">The pattern tells too many parts apart.</exception>
    public bool Assign()
    {
        if (!_named.Exists(r => r.Last >= First || Commons.Values.Append(Ideograph).Append(Unassigned).Any(c => r.First <= c && c <= r.Last)))
            return false;
        _cuts = [.. _named.SelectMany(r => (int[])[r.First, r.Last + 1]).Append(0).Append(First).Append(End).Distinct().Order()];
        var depth = new int[_cuts.Length];
        foreach ((int first, int last) in _named)
        {
            depth[CellOf(first)]++;
            depth[CellOf(last + 1)]--;
        }
        _covered = new bool[_cuts.Length];
        for (int cell = 0, covers = 0; cell < _cuts.Length; cell++)
            _covered[cell] = (covers += depth[cell]) > 0;
        Dictionary<char, Queue<(char Own, char Instead)>> free = Free();
        foreach ((int first, int last, char common) in Stretches.Value)
        {
            for (int cell = CellOf(first), end = CellOf(last); cell <= end; cell++)
            {
                (int, char) kind = (Part(cell), common);
                if (_own.ContainsKey(kind))
                    continue;
                if (!free.TryGetValue(common, out Queue<(char, char)>? queue) || !queue.TryDequeue(out (char Own, char Instead) next))
                    throw new ArgumentException("too many different characters beyond U+FFFF in a pattern");
                (_own[kind], _displaced[next.Own]) = next;
            }
        }
        _taken = [.. _own.Values.Order()];
        _reserved = SearchValues.Create(_taken);
        return true;
    }

    /// <summary>Whether a text holds anything that a pattern has to be shown differently.</summary>
    public bool ChangeAny(ReadOnlySpan<char> text) =>
        text.ContainsAnyInRange('\uD800', '\uDFFF') || (_reserved is not null && text.ContainsAny(_reserved));

    /// <summary>What a pattern is shown for a character.</summary>
    public char Of(Rune rune) => rune.IsBmp ? _displaced.GetValueOrDefault((char)rune.Value, (char)rune.Value)
        : _cuts.Length == 0 ? Common(rune)
        : _own[(Part(CellOf(rune.Value)), Common(rune))];

    private int CellOf(int code) => Array.BinarySearch(_cuts, code) is var at && at < 0 ? ~at - 1 : at;

    // The pattern cannot tell apart what it does not name.
    private int Part(int cell) => _covered[cell] ? cell : Outside;

    /// <summary>
    /// Reserves by the common stand-in whose category they share, each with the character that is shown instead where a text
    /// does hold it: one that is not given away, of the same category and the same part.
    /// </summary>
    private Dictionary<char, Queue<(char Own, char Instead)>> Free()
    {
        var kept = Commons.Values.Append(Ideograph).Append(Unassigned).ToDictionary(c => (Part(CellOf(c)), c), c => c);
        var free = new Dictionary<char, Queue<(char, char)>>();
        foreach ((int first, int last) in Reserves)
        {
            for (int code = first; code <= last; code++)
            {
                var (reserve, common) = ((char)code, Common(new Rune(code)));
                if (reserve == common || char.GetUnicodeCategory(reserve) != char.GetUnicodeCategory(common) || kept.TryAdd((Part(CellOf(code)), common), reserve))
                    continue;
                if (!free.TryGetValue(common, out Queue<(char, char)>? queue))
                    free[common] = queue = [];
                queue.Enqueue((reserve, kept[(Part(CellOf(code)), common)]));
            }
        }
        return free;
    }

    private static IEnumerable<(int First, int Last, char Common)> FindStretches()
    {
        int start = First;
        char common = Common(new Rune(start));
        for (int code = First + 1; code <= End; code++)
        {
            char next = code < End ? Common(new Rune(code)) : '\0';
            if (next == common)
                continue;
            yield return (start, code - 1, common);
            (start, common) = (code, next);
        }
    }

    private static char Common(Rune rune)
    {
        UnicodeCategory category = Rune.GetUnicodeCategory(rune);
        // The supplementary planes of Chinese characters, and letters of any other script.
        return category == UnicodeCategory.OtherLetter && rune.Value is >= 0x20000 or >= 0x3400 and <= 0x9FFF ? Ideograph
            : Commons.GetValueOrDefault(category, Unassigned);
    }
}
