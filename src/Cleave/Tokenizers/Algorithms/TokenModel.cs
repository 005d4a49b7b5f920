using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>Turns one piece of text, as the pre-tokenizer cut it, into tokens.</summary>
internal abstract class TokenModel
{
    private readonly WordCache _cache = new();

    /// <summary>Whether pieces are ordinary text whose bytes are the symbols, rather than text in the byte-level alphabet.</summary>
    public virtual bool TakesBytes => false;

    /// <summary>A mark before which any piece can be cut without changing a token, or null.</summary>
    public virtual char? Boundary => null;

    /// <summary>The tokens of a piece that is not empty.</summary>
    public int[] Tokenize(ReadOnlySpan<char> piece)
    {
        if (piece.Length > WordCache.LongestWord)
            return Compute(piece, null);
        ulong hash = WordCache.HashOf(piece);
        if (_cache.Find(piece, hash) is { } known)
            return known;
        int[] ids = Compute(piece, null);
        _cache.Keep(piece, hash, ids);
        return ids;
    }

    /// <param name="spans">Gets the part of the piece that each token covers, where not null.</param>
    public abstract int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans);

    /// <summary>Writes the members of tokenizer.json's <c>model</c>.</summary>
    public abstract void Write(Utf8JsonWriter json, Vocabulary vocabulary);

    protected static CleaveException NoUnknown(ReadOnlySpan<char> text) =>
        new($"the tokenizer has no token for '{(text.Length > 20 ? string.Concat(text[..20], "…") : text.ToString())}' and none for what is unknown");
}
