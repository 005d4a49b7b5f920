using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>When a blank is put before a text.</summary>
internal enum PrependScheme
{
    Never,

    /// <summary>Only where the piece begins the whole text.</summary>
    First,

    Always,
}

/// <summary>Writes blanks as a visible mark, puts one in front, and cuts before each.</summary>
internal sealed class MetaspaceSegmenter(char replacement, PrependScheme prepend, bool split) : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        AlignedText text = pieces.Text;
        var output = new AlignedTextBuilder(text, text.Text.Length + 2 * pieces.Items.Count);
        foreach ((int start, int end) in pieces.Items)
        {
            int from = output.Length;
            char first = text.Text[start] == ' ' ? replacement : text.Text[start];
            if (first != replacement && (prepend == PrependScheme.Always || (prepend == PrependScheme.First && text.StartOf(start) == 0)))
                output.Append(replacement, start, start);
            for (int at = start; at < end;)
            {
                int blank = text.Text.AsSpan(at, end - at).IndexOfAny(' ', replacement);
                int until = blank < 0 ? end : at + blank;
                output.Copy(at, until);
                if (until == end)
                    break;
                if (split && output.Length > from)
                {
                    pieces.Next.Add((from, output.Length));
                    from = output.Length;
                }
                output.Append(replacement, until, until + 1);
                at = until + 1;
            }
            if (output.Length > from)
                pieces.Next.Add((from, output.Length));
        }
        pieces.Text = output.Build();
        pieces.Swap();
    }
}

/// <summary>Puts a blank before each piece that does not begin with one.</summary>
internal sealed class PrefixSpaceSegmenter : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        AlignedText text = pieces.Text;
        if (pieces.Items.TrueForAll(p => text.Text[p.Start] == ' '))
            return;
        var output = new AlignedTextBuilder(text, text.Text.Length + pieces.Items.Count);
        foreach ((int start, int end) in pieces.Items)
        {
            int from = output.Length;
            if (text.Text[start] != ' ')
                output.Append(' ', start, start);
            output.Copy(start, end);
            pieces.Next.Add((from, output.Length));
        }
        pieces.Text = output.Build();
        pieces.Swap();
    }
}

/// <summary>Every byte of a piece as one character of the byte-level alphabet.</summary>
internal sealed class ByteLevelSegmenter : Segmenter
{
    public override void Apply(Pieces pieces)
    {
        var output = new AlignedTextBuilder(pieces.Text, pieces.Text.Text.Length);
        foreach ((int start, int end) in pieces.Items)
        {
            int from = output.Length;
            ByteAlphabet.Append(pieces.Text.Text, start, end, output);
            pieces.Next.Add((from, output.Length));
        }
        pieces.Text = output.Build();
        pieces.Swap();
    }
}
