using System.Security.Cryptography;
using System.Text;

namespace Cleave.Serving.Tools;

/// <summary>
/// Parts an answer into words and calls while it is written. What could be the beginning of a marker is held back; markers and the blanks
/// around words are nobody's.
/// </summary>
/// <param name="begun">Whether the first call begins at once: its marker is part of the prompt.</param>
/// <param name="onText">Hears the words, in pieces that are not empty.</param>
/// <param name="onCall">Hears the calls.</param>
internal sealed class ToolCallReader(ToolForm form, bool begun, Action<string> onText, Action<ToolCallPiece> onCall)
{
    // As some templates want them: https://docs.mistral.ai/capabilities/function_calling
    private const int IdLength = 9;
    private const string IdCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private readonly StringBuilder _held = new(), _text = new();
    private readonly OuterBlanks _blanks = new();
    private readonly List<(string Id, string Name, StringBuilder Arguments)> _calls = [];
    private CallScanner? _scanner;
    private bool _isBegun = begun, _isDecided;

    /// <summary>The words.</summary>
    public string Text => _text.ToString();

    public IReadOnlyList<ToolCall> Calls => [.. _calls.Select(c => new ToolCall(c.Id, c.Name, c.Arguments.ToString()))];

    /// <summary>Takes the next characters of the answer.</summary>
    public void Push(string piece)
    {
        if (_isBegun)
        {
            _isBegun = false;
            _scanner = Scanner();
        }
        _held.Append(piece);
        while (_held.Length > 0)
        {
            if (_scanner is { } scanner)
            {
                string calls = _held.ToString();
                _held.Remove(0, scanner.Push(calls));
                if (!scanner.IsOver)
                    return;
                _scanner = null;
                _isDecided = true;
            }
            else if (!Words())
            {
                return;
            }
        }
    }

    /// <summary>The answer is over: what was held back are words.</summary>
    public void End()
    {
        if (_scanner is null)
            Say(_held.ToString());
        _held.Clear();
    }

    // Takes words up to a marker; false where more characters are needed.
    private bool Words()
    {
        string text = _held.ToString();
        if (form.Marker.Length == 0)
            return First(text);
        (int at, string marker) = Marker(text);
        if (at < 0)
        {
            int safe = text.Length - Math.Max(Overlap(text, form.Marker), _calls.Count > 0 ? Overlap(text, form.Closing) : 0);
            Say(text[..safe]);
            _held.Remove(0, safe);
            return false;
        }
        Say(text[..at]);
        _held.Remove(0, at + marker.Length);
        if (marker == form.Marker)
            _scanner = Scanner();
        return true;
    }

    // Without a marker the first character of the answer decides what it is.
    private bool First(string text)
    {
        string solid = text.TrimStart();
        if (!_isDecided && solid.Length == 0)
            return false;
        if (!_isDecided && solid[0] == form.First)
        {
            _scanner = Scanner();
            return true;
        }
        _isDecided = true;
        Say(text);
        _held.Clear();
        return false;
    }

    // The first marker in a text; the one behind a call only where there was one.
    private (int At, string Marker) Marker(string text)
    {
        int open = text.IndexOf(form.Marker, StringComparison.Ordinal);
        int close = _calls.Count > 0 && form.Closing.Length > 0 ? text.IndexOf(form.Closing, StringComparison.Ordinal) : -1;
        return close >= 0 && (open < 0 || close < open) ? (close, form.Closing) : (open, form.Marker);
    }

    private CallScanner Scanner() => new(form.Call, name =>
    {
        _calls.Add((RandomNumberGenerator.GetString(IdCharacters, IdLength), name, new StringBuilder()));
        onCall(new ToolCallPiece(_calls.Count - 1, _calls[^1].Id, name, ""));
    }, arguments =>
    {
        _calls[^1].Arguments.Append(arguments);
        onCall(new ToolCallPiece(_calls.Count - 1, null, null, arguments));
    });

    private void Say(string words)
    {
        words = _blanks.Push(words);
        if (words.Length == 0)
            return;
        _text.Append(words);
        onText(words);
    }

    private static int Overlap(string text, string marker)
    {
        for (int n = Math.Min(marker.Length - 1, text.Length); n > 0; n--)
        {
            if (text.AsSpan(text.Length - n).SequenceEqual(marker.AsSpan(0, n)))
                return n;
        }
        return 0;
    }
}
