using Cleave.Tokenizers.Characters;

namespace Cleave.Tokenizers.Segmentation;

/// <summary>A text and the parts of it that are encoded each by itself, as the steps of a pre-tokenizer pass it on.</summary>
internal sealed class Pieces
{
    private List<(int Start, int End)> _items = [], _next = [];

    public required AlignedText Text { get; set; }

    public List<(int Start, int End)> Items => _items;

    /// <summary>Where a step writes its result before it calls <see cref="Swap"/>.</summary>
    public List<(int Start, int End)> Next => _next;

    /// <summary>Room that steps share.</summary>
    public List<TextMatch> Matches { get; } = [];

    public List<int> Ends { get; } = [];

    public void Start(AlignedText text, int start, int end)
    {
        Text = text;
        _items.Clear();
        if (end > start)
            _items.Add((start, end));
    }

    /// <summary>What was written to <see cref="Next"/> becomes the pieces.</summary>
    public void Swap()
    {
        (_items, _next) = (_next, _items);
        _next.Clear();
    }
}

/// <summary>A step that cuts pieces further or rewrites them.</summary>
internal abstract class Segmenter
{
    public abstract void Apply(Pieces pieces);
}
