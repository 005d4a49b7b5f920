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

    /// <summary>Appends the tokens of a piece that is not empty.</summary>
    public void Tokenize(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (piece.Length > WordCache.LongestWord)
        {
            ids.AddRange(Compute(piece, null));
            return;
        }
        WordCache.Key key = WordCache.KeyOf(piece);
        if (_cache.Find(piece, key) is not { } known)
        {
            int[] made = Compute(piece, null);
            _cache.Keep(piece, key, made);
            ids.AddRange(made);
        }
        else if (known.IsOne)
        {
            ids.Add(known.First);
        }
        else
        {
            ids.AddRange(known.Ids);
        }
    }

    /// <param name="spans">Gets the part of the piece that each token covers, where not null.</param>
    public abstract int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans);

    /// <summary>Writes the members of tokenizer.json's <c>model</c>.</summary>
    public abstract void Write(Utf8JsonWriter json, Vocabulary vocabulary);

    protected static CleaveException NoUnknown(ReadOnlySpan<char> text) =>
        new($"the tokenizer has no token for '{(text.Length > 20 ? string.Concat(text[..20], "…") : text.ToString())}' and none for what is unknown");
}
