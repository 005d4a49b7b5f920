using System.Runtime.InteropServices;
using System.Text;

namespace Cleave.Tokenizers.Characters;

/// <summary>Makes a text out of another, piece by piece, and carries along where each piece came from.</summary>
internal sealed class AlignedTextBuilder(AlignedText source, int capacity)
{
    private readonly StringBuilder _text = new(capacity);
    private readonly List<int>? _starts = source.IsTracked ? new List<int>(capacity) : null;
    private readonly List<int>? _ends = source.IsTracked ? new List<int>(capacity) : null;

    public int Length => _text.Length;

    public char Last => _text[^1];

    /// <param name="start">Where in the source it came from; the end is exclusive and may equal the start.</param>
    public void Append(char character, int start, int end)
    {
        _text.Append(character);
        Align(1, start, end);
    }

    public void Append(ReadOnlySpan<char> text, int start, int end)
    {
        _text.Append(text);
        Align(text.Length, start, end);
    }

    public void Append(Rune rune, int start, int end)
    {
        Span<char> characters = stackalloc char[2];
        Append(characters[..rune.EncodeToUtf16(characters)], start, end);
    }

    /// <summary>A part of the source as it stands.</summary>
    public void Copy(int start, int end)
    {
        _text.Append(source.Text, start, end - start);
        for (int i = start; i < end && _starts is not null; i++)
        {
            _starts.Add(source.StartOf(i));
            _ends!.Add(source.EndOf(i));
        }
    }

    public void RemoveLast()
    {
        _text.Length--;
        _starts?.RemoveAt(_starts.Count - 1);
        _ends?.RemoveAt(_ends.Count - 1);
    }

    public AlignedText Build() => _starts is null ? new AlignedText(_text.ToString(), 0, tracked: false)
        : new AlignedText(_text.ToString(), CollectionsMarshal.AsSpan(_starts).ToArray(), CollectionsMarshal.AsSpan(_ends).ToArray());

    private void Align(int count, int start, int end)
    {
        if (_starts is null)
            return;
        (int from, int to) = source.Original(start, end);
        for (int i = 0; i < count; i++)
        {
            _starts.Add(from);
            _ends!.Add(to);
        }
    }
}
