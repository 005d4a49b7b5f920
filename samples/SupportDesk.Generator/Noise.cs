using System.Text;
using Cleave.Numerics;

namespace SupportDesk.Generator;

/// <summary>What hurried people do to a message: slips of the finger, lower case, missing marks. Entities keep their letters.</summary>
public static class Noise
{
    private static readonly string[] Keyboard = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

    /// <summary>The message with noise; <paramref name="level"/> 0 leaves it alone, 1 is a usual customer.</summary>
    public static Message Apply(List<Piece> pieces, Rng rng, double level)
    {
        var noisy = new List<Piece>(pieces);
        int slips = rng.NextDouble() < 0.3 * level ? 1 + rng.NextInt(2) : 0;
        for (int i = 0; i < slips; i++)
            Slip(noisy, rng);
        if (rng.NextDouble() < 0.15 * level)
            Replace(noisy, "'", "");
        if (rng.NextDouble() < 0.15 * level)
            Replace(noisy, ",", "");
        bool open = rng.NextDouble() < 0.35 * level;

        Message message = Message.Write(noisy);
        double casing = rng.NextDouble();
        string text = casing < 0.3 * level ? message.Text.ToLowerInvariant()
            : casing < 0.33 * level ? message.Text.ToUpperInvariant() : Sentences(message.Text);
        int last = message.Marks.Count > 0 ? message.Marks[^1].End : 0;
        if (open && text.Length > last && text[^1] is '.' or '?')
            text = text[..^1];
        return message with { Text = text, Pieces = pieces };
    }

    private static void Replace(List<Piece> pieces, string what, string by)
    {
        for (int i = 0; i < pieces.Count; i++)
        {
            if (pieces[i].Label is null)
                pieces[i] = new Piece(pieces[i].Text.Replace(what, by, StringComparison.Ordinal));
        }
    }

    /// <summary>One slip in one word of at least four letters: a neighbouring key, a swap, a letter lost or doubled.</summary>
    private static void Slip(List<Piece> pieces, Rng rng)
    {
        for (int attempt = 0; attempt < 8; attempt++)
        {
            int i = rng.NextInt(pieces.Count);
            string text = pieces[i].Text;
            if (pieces[i].Label is not null || text.Length < 4)
                continue;
            int at = 1 + rng.NextInt(text.Length - 2);
            if (!char.IsAsciiLetterLower(text[at - 1]) || !char.IsAsciiLetterLower(text[at]) || !char.IsAsciiLetterLower(text[at + 1]))
                continue;
            var b = new StringBuilder(text);
            switch (rng.NextInt(4))
            {
                case 0: b[at] = Neighbour(text[at], rng); break;
                case 1: (b[at], b[at + 1]) = (b[at + 1], b[at]); break;
                case 2: b.Remove(at, 1); break;
                default: b.Insert(at, text[at]); break;
            }
            pieces[i] = new Piece(b.ToString());
            return;
        }
    }

    private static char Neighbour(char c, Rng rng)
    {
        string row = Keyboard.First(r => r.Contains(c, StringComparison.Ordinal));
        int at = row.IndexOf(c, StringComparison.Ordinal);
        int to = at == 0 ? 1 : at == row.Length - 1 || rng.NextDouble() < 0.5 ? at - 1 : at + 1;
        return row[to];
    }

    /// <summary>A capital at the start and after each full stop, question or exclamation mark.</summary>
    private static string Sentences(string text)
    {
        char[] letters = text.ToCharArray();
        bool start = true;
        for (int i = 0; i < letters.Length; i++)
        {
            if (start && letters[i] != ' ')
            {
                letters[i] = char.ToUpperInvariant(letters[i]);
                start = false;
            }
            // "no. 12345" and "12.50" do not end a sentence.
            bool stop = letters[i] is '?' or '!' || (letters[i] == '.' && !(i >= 2 && text[i - 1] == 'o' && text[i - 2] == 'n'));
            if (stop && i + 1 < letters.Length && letters[i + 1] == ' ')
                start = true;
        }
        return new string(letters);
    }
}
