using System.Text;

namespace SupportDesk.Generator;

/// <summary>A stretch of text; a label marks it as an entity, whose letters noise leaves alone.</summary>
public readonly record struct Piece(string Text, string? Label = null);

/// <summary>A marked part of a text: characters, end exclusive.</summary>
public readonly record struct Mark(int Start, int End, string Label);

/// <summary>A written message: its text, where its entities stand, and how each entity is properly spelled.</summary>
public sealed record Message(string Text, IReadOnlyList<Mark> Marks, IReadOnlyList<Piece> Pieces)
{
    /// <summary>The first entity with this label as its owner would spell it, or null.</summary>
    public string? First(string label)
    {
        foreach (Piece piece in Pieces)
        {
            if (piece.Label == label)
                return piece.Text;
        }
        return null;
    }

    /// <summary>Joins pieces: runs of blanks become one, and none stands before a punctuation mark.</summary>
    public static Message Write(IReadOnlyList<Piece> pieces)
    {
        var text = new StringBuilder();
        var marks = new List<Mark>();
        foreach (Piece piece in pieces)
        {
            int start = text.Length;
            foreach (char c in piece.Text)
            {
                if (c == ' ' && (text.Length == 0 || text[^1] == ' '))
                    continue;
                if (piece.Label is null && c is ',' or '.' or '?' or '!' or ';' or ':' && text.Length > 0 && text[^1] == ' ')
                    text.Length--;
                text.Append(c);
            }
            if (piece.Label is not null)
                marks.Add(new Mark(start, text.Length, piece.Label));
        }
        while (text.Length > 0 && text[^1] == ' ')
            text.Length--;
        return new Message(text.ToString(), marks, pieces);
    }
}
