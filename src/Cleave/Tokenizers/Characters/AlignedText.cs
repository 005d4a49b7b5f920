namespace Cleave.Tokenizers.Characters;

/// <summary>A text on its way through normalization, which knows where in the original each of its characters came from.</summary>
internal sealed class AlignedText
{
    private readonly int[]? _starts, _ends;
    private readonly int _origin;

    /// <summary>A part of the original as it stands.</summary>
    /// <param name="origin">Where it begins in the original.</param>
    /// <param name="tracked">Whether what is made of it has to know where it came from.</param>
    public AlignedText(string text, int origin, bool tracked)
    {
        Text = text;
        _origin = origin;
        IsTracked = tracked;
    }

    internal AlignedText(string text, int[]? starts, int[]? ends)
    {
        Text = text;
        (_starts, _ends) = (starts, ends);
        IsTracked = starts is not null;
    }

    public string Text { get; }

    public bool IsTracked { get; }

    /// <summary>Where in the original the character at a position begins; only where <see cref="IsTracked"/>.</summary>
    public int StartOf(int position) => _starts is null ? _origin + position : _starts[position];

    /// <summary>Where in the original the character at a position ends.</summary>
    public int EndOf(int position) => _ends is null ? _origin + position + 1 : _ends[position];

    /// <summary>The part of the original that a part of this text came from.</summary>
    public (int Start, int End) Original(int start, int end)
    {
        if (_starts is null)
            return (_origin + start, _origin + end);
        if (start == end)
            return start < _starts.Length ? (_starts[start], _starts[start]) : (EndOf(start - 1), EndOf(start - 1));
        return (_starts[start], _ends![end - 1]);
    }
}
