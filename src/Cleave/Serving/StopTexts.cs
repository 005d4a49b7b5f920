using System.Text;

namespace Cleave.Serving;

/// <summary>
/// Lets an answer's pieces through until a stop text appears, also one that is split over pieces: what could be
/// the beginning of a stop text is held back until that is decided. Of several, the one that is complete first
/// ends the answer, so the pieces' sizes change nothing.
/// </summary>
public sealed class StopTexts(IReadOnlyList<string> stops)
{
    private readonly string[] _stops = [.. stops.Where(s => s.Length > 0)];
    private readonly StringBuilder _held = new();

    /// <summary>Whether a stop text has come; nothing more gets through.</summary>
    public bool Stopped { get; private set; }

    /// <summary>What may be handed on after this piece; possibly empty.</summary>
    public string Push(string piece)
    {
        ArgumentNullException.ThrowIfNull(piece);
        if (Stopped)
            return "";
        if (_stops.Length == 0)
            return piece;
        string text = _held.Append(piece).ToString();
        _held.Clear();
        int at = -1, end = int.MaxValue;
        foreach (string stop in _stops)
        {
            int found = text.IndexOf(stop, StringComparison.Ordinal);
            int foundEnd = found + stop.Length;
            if (found >= 0 && (foundEnd < end || (foundEnd == end && found < at)))
                (at, end) = (found, foundEnd);
        }
        if (at >= 0)
        {
            Stopped = true;
            return text[..at];
        }
        int safe = text.Length - Overlap(text);
        _held.Append(text, safe, text.Length - safe);
        return text[..safe];
    }

    /// <summary>What was held back, once the answer has ended without a stop text.</summary>
    public string Finish()
    {
        string rest = Stopped ? "" : _held.ToString();
        _held.Clear();
        return rest;
    }

    // The longest end of the text that begins a stop text.
    private int Overlap(string text)
    {
        int longest = 0;
        foreach (string stop in _stops)
        {
            for (int n = Math.Min(stop.Length - 1, text.Length); n > longest; n--)
            {
                if (text.AsSpan(text.Length - n).SequenceEqual(stop.AsSpan(0, n)))
                    longest = n;
            }
        }
        return longest;
    }
}
