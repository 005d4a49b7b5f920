namespace Cleave.Tokenizers;

/// <summary>
/// Text to token ids and back. Implementations are immutable and may be used from several threads at once.
/// </summary>
public interface ITokenizer
{
    /// <summary>The number of ids; every id from 0 to this minus one has a token.</summary>
    int VocabularySize { get; }

    /// <param name="parseSpecial">
    /// Whether the names of special tokens inside the text become those tokens. Leave it false for text from
    /// outside, or a user could write control tokens.
    /// </param>
    int[] Encode(string text, bool parseSpecial = false);

    /// <summary>As <see cref="Encode"/>, with the part of the text that each token came from.</summary>
    TokenizedText EncodeWithOffsets(string text, bool parseSpecial = false);

    /// <summary>Text of the ids; bytes that are not valid UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id has no token.</exception>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false);

    /// <summary>The bytes of UTF-8 that one token stands for; possibly a part of a character.</summary>
    ReadOnlySpan<byte> BytesOf(int id);

    int? BosId { get; }

    int? EosId { get; }

    int? PadId { get; }

    int? UnknownId { get; }

    /// <summary>The id of a token as it is written in the vocabulary, or null.</summary>
    int? IdOf(string token);

    /// <summary>The token as it is written in the vocabulary.</summary>
    string TokenOf(int id);

    bool IsSpecial(int id);

    IReadOnlyList<string> SpecialTokens { get; }

    /// <summary>Writes <c>tokenizer.json</c>; equal tokenizers give equal bytes.</summary>
    void Save(Stream tokenizerJson);
}

/// <summary>Token ids and where in the text each came from.</summary>
/// <param name="Offsets">
/// UTF-16 positions, end exclusive. A token that holds a part of a character covers the whole character. The
/// blank at the front of a token belongs to it.
/// </param>
public sealed record TokenizedText(int[] Ids, (int Start, int End)[] Offsets);
