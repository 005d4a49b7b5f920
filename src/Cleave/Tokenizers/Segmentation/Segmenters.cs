using System.Text;
using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>What becomes of the matches of a split.</summary>
internal enum SplitBehavior
{
    /// <summary>They are left out.</summary>
    Removed,

    /// <summary>Each is a piece.</summary>
    Isolated,

    /// <summary>Each goes with the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>Each goes with the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbours are one piece.</summary>
    Contiguous,
}

/// <summary>Cuts at what a pattern finds.</summary>
/// <param name="invert">Whether the pattern finds what lies between the matches.</param>
internal sealed class SplitSegmenter(TextPattern pattern, SplitBehavior behavior, bool invert = false) : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        foreach ((int start, int end) in pieces.Items)
        {
            pieces.Matches.Clear();
            pattern.Find(pieces.Text.Text, start, end, pieces.Matches);
            int first = pieces.Next.Count;
            if (behavior == SplitBehavior.MergedWithNext)
                MergeBackwards(pieces.Matches, pieces.Next, first);
            else
                MergeForwards(pieces.Matches, pieces.Next, first);
        }
        pieces.Next.RemoveAll(p => p.Start == p.End);
        pieces.Swap();
    }

    private void MergeForwards(List<TextMatch> matches, List<(int Start, int End)> output, int first)
    {
        bool before = false;
        for (int i = 0; i < matches.Count; i++)
        {
            (int start, int end, bool found) = matches[i];
            bool match = found != invert;
            bool joins = behavior switch
            {
                SplitBehavior.Contiguous => match == before && i > 0,
                SplitBehavior.MergedWithPrevious => match && !before,
                _ => false,
            };
            if (joins && output.Count > first)
                output[^1] = (output[^1].Start, end);
            else if (!match || behavior != SplitBehavior.Removed)
                output.Add((start, end));
            before = match;
        }
    }

    private void MergeBackwards(List<TextMatch> matches, List<(int Start, int End)> output, int first)
    {
        bool after = false;
        for (int i = matches.Count - 1; i >= 0; i--)
        {
            (int start, int end, bool found) = matches[i];
            bool match = found != invert;
            if (match && !after && output.Count > first)
                output[^1] = (start, output[^1].End);
            else
                output.Add((start, end));
            after = match;
        }
        output.Reverse(first, output.Count - first);
    }
}

/// <summary>Cuts into the words of a scanner, which leaves nothing out.</summary>
internal sealed class WordSegmenter(PreTokenizer words) : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        foreach ((int start, int end) in pieces.Items)
        {
            pieces.Ends.Clear();
            words.Split(pieces.Text.Text.AsSpan(start, end - start), pieces.Ends);
            int from = start;
            foreach (int to in pieces.Ends)
            {
                pieces.Next.Add((from, start + to));
                from = start + to;
            }
        }
        pieces.Swap();
    }
}

/// <summary>Cuts into pieces of so many characters.</summary>
internal sealed class FixedLengthSegmenter(int length) : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        foreach ((int start, int end) in pieces.Items)
        {
            int from = start, count = 0;
            for (int at = start; at < end; at++)
            {
                if (char.IsLowSurrogate(pieces.Text.Text[at]))
                    continue;
                if (count++ == length)
                {
                    pieces.Next.Add((from, at));
                    (from, count) = (at, 1);
                }
            }
            pieces.Next.Add((from, end));
        }
        pieces.Swap();
    }
}

/// <summary>Cuts before each mark of a blank that does not follow another, where no token holds that place inside.</summary>
internal sealed class BoundarySegmenter(char mark) : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        ReadOnlySpan<char> text = pieces.Text.Text;
        foreach ((int start, int end) in pieces.Items)
        {
            int from = start;
            for (int at = start + 1; at < end; at++)
            {
                int step = text[at..end].IndexOf(mark);
                if (step < 0)
                    break;
                at += step;
                if (text[at - 1] == mark)
                    continue;
                pieces.Next.Add((from, at));
                from = at;
            }
            pieces.Next.Add((from, end));
        }
        pieces.Swap();
    }
}

/// <summary>
/// Cuts where the script changes. Blanks go with what is before them; those at the front of a piece belong to nothing and
/// are left out, as in Hugging Face's library.
/// </summary>
internal sealed class ScriptSegmenter : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        string text = pieces.Text.Text;
        foreach ((int start, int end) in pieces.Items)
        {
            int from = -1, before = -1;
            for (int at = start; at < end;)
            {
                Rune.DecodeFromUtf16(text.AsSpan(at, end - at), out Rune rune, out int length);
                int script = ScriptTable.ForWords(rune);
                if (script != ScriptTable.None && script != before)
                {
                    if (from >= 0)
                        pieces.Next.Add((from, at));
                    (from, before) = (at, script);
                }
                at += length;
            }
            if (from >= 0)
                pieces.Next.Add((from, end));
        }
        pieces.Swap();
    }
}
