using System.Text;

namespace Cleave.Tokenizers.Characters;

/// <summary>Unicode's four normalization forms (UAX #15), with the part of the text that each character came from.</summary>
internal static class UnicodeForm
{
    private const int HangulBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7, LCount = 19, VCount = 21, TCount = 28;

    private readonly record struct Part(int Code, int Class, int Start, int End);

    public static AlignedText Apply(AlignedText text, bool compatibility, bool compose)
    {
        if (Ascii.IsValid(text.Text))
            return text;
        List<Part> parts = Decomposed(text, compatibility);
        Reorder(parts);
        if (compose)
            Compose(parts);
        var output = new AlignedTextBuilder(text, parts.Count);
        foreach (Part part in parts)
            output.Append(new Rune(part.Code), part.Start, part.End);
        return output.Build();
    }

    private static List<Part> Decomposed(AlignedText text, bool compatibility)
    {
        var parts = new List<Part>(text.Text.Length + 16);
        for (int at = 0; at < text.Text.Length;)
        {
            Rune.DecodeFromUtf16(text.Text.AsSpan(at), out Rune rune, out int length);
            Expand(rune.Value, at, at + length, compatibility, parts);
            at += length;
        }
        return parts;
    }

    private static void Expand(int code, int start, int end, bool compatibility, List<Part> parts)
    {
        int syllable = code - HangulBase;
        if (syllable is >= 0 and < LCount * VCount * TCount)
        {
            parts.Add(new Part(LBase + syllable / (VCount * TCount), 0, start, end));
            parts.Add(new Part(VBase + syllable % (VCount * TCount) / TCount, 0, start, end));
            if (syllable % TCount != 0)
                parts.Add(new Part(TBase + syllable % TCount, 0, start, end));
        }
        else if (UnicodeTables.Instance.Decompose(code, compatibility) is { } expansion)
        {
            foreach (int part in expansion)
                Expand(part, start, end, compatibility, parts);
        }
        else
        {
            parts.Add(new Part(code, UnicodeTables.Instance.ClassOf(code), start, end));
        }
    }

    /// <summary>Marks after one base are sorted by class, equal classes staying as they are; O(n log n) for any run.</summary>
    private static void Reorder(List<Part> parts)
    {
        for (int at = 0; at < parts.Count;)
        {
            int start = at;
            bool sorted = true;
            for (; at < parts.Count && parts[at].Class != 0; at++)
                sorted &= at == start || parts[at - 1].Class <= parts[at].Class;
            if (!sorted)
            {
                int place = start;
                foreach (Part part in parts[start..at].OrderBy(p => p.Class))
                    parts[place++] = part;
            }
            if (at == start)
                at++;
        }
    }

    private static void Compose(List<Part> parts)
    {
        int kept = 0, starter = -1;
        for (int i = 0; i < parts.Count; i++)
        {
            Part part = parts[i];
            if (starter >= 0)
            {
                // Blocked: something between with a class that is not lower.
                bool adjacent = starter == kept - 1;
                bool open = adjacent || (part.Class != 0 && parts[kept - 1].Class < part.Class);
                if (open && Pair(parts[starter].Code, part.Code) is var composed and >= 0)
                {
                    Part first = parts[starter];
                    parts[starter] = new Part(composed, 0, Math.Min(first.Start, part.Start), Math.Max(first.End, part.End));
                    continue;
                }
            }
            if (part.Class == 0)
                starter = kept;
            parts[kept++] = part;
        }
        parts.RemoveRange(kept, parts.Count - kept);
    }

    private static int Pair(int first, int second)
    {
        if (first - LBase is >= 0 and < LCount and var l && second - VBase is >= 0 and < VCount and var v)
            return HangulBase + (l * VCount + v) * TCount;
        if (first - HangulBase is >= 0 and < LCount * VCount * TCount and var lv && lv % TCount == 0
            && second - TBase is > 0 and < TCount and var t)
        {
            return first + t;
        }
        return UnicodeTables.Instance.Compose(first, second);
    }
}
