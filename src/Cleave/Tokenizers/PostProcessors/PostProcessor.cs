namespace Cleave.Tokenizers.PostProcessors;

/// <summary>A piece of a template: one of the texts, or control tokens.</summary>
/// <param name="Sequence">0 for the first text, 1 for the second, −1 for control tokens.</param>
internal sealed record TemplatePiece(int Sequence, int[] Ids, int Type);

/// <summary>Puts control tokens around one text or two.</summary>
/// <param name="Single">The template for one text; null to leave texts as they are.</param>
/// <param name="TrimsOffsets">Whether white space at the ends of a token is no part of what it covers.</param>
internal sealed record PostProcessor(IReadOnlyList<TemplatePiece>? Single, IReadOnlyList<TemplatePiece>? Pair, bool TrimsOffsets)
{
    private static readonly TemplatePiece First = new(0, [], 0), Second = new(1, [], 1);

    /// <summary>Texts one after the other, as without a post-processor.</summary>
    public static PostProcessor None { get; } = new(null, null, TrimsOffsets: false);

    /// <summary>The control tokens that come before one text.</summary>
    public int? BeginId => Single?.TakeWhile(p => p.Sequence < 0).SelectMany(p => p.Ids).Cast<int?>().FirstOrDefault();

    /// <summary>The control tokens that come after one text.</summary>
    public int? EndId => Single?.SkipWhile(p => p.Sequence < 0).Where(p => p.Sequence < 0).SelectMany(p => p.Ids).Cast<int?>().FirstOrDefault();

    /// <summary>How many tokens are added to one text, or to two.</summary>
    public int Added(bool pair) => Template(pair).Sum(p => p.Ids.Length);

    public ModelInput Apply(TokenizedText first, TokenizedText? second)
    {
        var input = new ModelInputBuilder();
        foreach (TemplatePiece piece in Template(second is not null))
        {
            if (piece.Sequence == 0)
                input.Add(first, piece.Type);
            else if (piece.Sequence == 1 && second is not null)
                input.Add(second, piece.Type);
            foreach (int id in piece.Ids)
                input.Add(id, piece.Type);
        }
        return input.Build();
    }

    private IReadOnlyList<TemplatePiece> Template(bool pair) => pair ? Pair ?? [First, Second] : Single ?? [First];

    /// <summary>The same tokens with white space at their ends left out of what they cover.</summary>
    public static TokenizedText Trimmed(TokenizedText tokens, string text)
    {
        var offsets = new (int, int)[tokens.Offsets.Length];
        for (int i = 0; i < offsets.Length; i++)
        {
            (int start, int end) = tokens.Offsets[i];
            while (start < end && char.IsWhiteSpace(text[start]))
                start++;
            while (end > start && char.IsWhiteSpace(text[end - 1]))
                end--;
            offsets[i] = (start, end);
        }
        return tokens with { Offsets = offsets };
    }
}
