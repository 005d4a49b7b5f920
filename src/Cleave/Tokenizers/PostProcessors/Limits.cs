namespace Cleave.Tokenizers.PostProcessors;

/// <summary>Which text gives way where two are too long together.</summary>
internal enum TruncationStrategy
{
    LongestFirst,
    OnlyFirst,
    OnlySecond,
}

/// <summary>Cuts what is too long for a model.</summary>
/// <param name="MaxLength">Tokens with those that are added around the texts.</param>
internal sealed record Truncation(int MaxLength, TruncationStrategy Strategy, bool FromLeft)
{
    /// <exception cref="CleaveException">The text that the strategy cuts is not there, or cutting it is not enough.</exception>
    public (TokenizedText First, TokenizedText? Second) Apply(TokenizedText first, TokenizedText? second, int added)
    {
        int room = Math.Max(0, MaxLength - added);
        int n1 = first.Ids.Length, n2 = second?.Ids.Length ?? 0;
        int excess = n1 + n2 - room;
        if (excess <= 0)
            return (first, second);
        if (Strategy == TruncationStrategy.OnlySecond)
            return (first, Cut(second ?? throw TooLong("second of two texts", n1, added), Kept(n2, excess, "second", n1 + n2, added)));
        if (second is null && Strategy == TruncationStrategy.LongestFirst)
            return (Cut(first, Math.Max(0, n1 - excess)), second);
        if (second is null || Strategy == TruncationStrategy.OnlyFirst)
            return (Cut(first, Kept(n1, excess, "first", n1 + n2, added)), second);
        // The longer one gives way until both are equally long; then both do.
        int shorter = Math.Min(n1, n2), longer = Math.Max(n1, n2);
        longer = Math.Max(shorter, longer - excess);
        if (shorter + longer > room)
            (shorter, longer) = (room / 2, room - room / 2);
        return n1 > n2 ? (Cut(first, longer), Cut(second, shorter)) : (Cut(first, shorter), Cut(second, longer));
    }

    private int Kept(int length, int excess, string which, int all, int added) =>
        length > excess ? length - excess : throw TooLong($"{which} text, which has {length},", all, added);

    private CleaveException TooLong(string which, int tokens, int added) =>
        new($"{tokens} tokens and {added} around them are more than the tokenizer's limit of {MaxLength}, and it only cuts the {which}; shorten the text");

    private TokenizedText Cut(TokenizedText tokens, int length) => FromLeft
        ? new TokenizedText(tokens.Ids[^length..], tokens.Offsets[^length..])
        : new TokenizedText(tokens.Ids[..length], tokens.Offsets[..length]);
}

/// <summary>Fills up what is too short.</summary>
/// <param name="Length">Tokens, or null for the longest of a batch.</param>
/// <param name="Multiple">The length is a multiple of this; 1 for any.</param>
internal sealed record Padding(int? Length, int Multiple, bool OnLeft, int Id, int TypeId)
{
    public ModelInput Apply(ModelInput input, int longest)
    {
        long target = Length ?? longest;
        target = (target + Multiple - 1) / Multiple * Multiple;
        int missing = (int)Math.Min(Math.Max(0, target - input.Ids.Length), Array.MaxLength / 16);
        if (missing == 0)
            return input;
        return new ModelInput(Fill(input.Ids, Id, missing), Fill(input.Offsets, (0, 0), missing), Fill(input.TypeIds, TypeId, missing),
            Fill(input.IsSpecial, true, missing), Fill(input.AttentionMask, 0, missing));
    }

    private T[] Fill<T>(T[] items, T item, int count)
    {
        T[] fill = [.. Enumerable.Repeat(item, count)];
        return OnLeft ? [.. fill, .. items] : [.. items, .. fill];
    }
}
