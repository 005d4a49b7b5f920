using Cleave.Tokenizers.PostProcessors;

namespace Cleave.Tokenizers;

/// <summary>
/// Text to token ids and back. Implementations are immutable and may be used from several threads at once.
/// </summary>
public interface ITokenizer
{
    /// <summary>One more than the largest id. A few ids below may have no token: they decode to nothing.</summary>
    int VocabularySize { get; }

    /// <param name="parseSpecial">
    /// Whether the names of special tokens inside the text become those tokens. Leave it false for text from
    /// outside, or a user could write control tokens.
    /// </param>
    int[] Encode(string text, bool parseSpecial = false);

    /// <summary>As <see cref="Encode"/>, with the part of the text that each token came from.</summary>
    TokenizedText EncodeWithOffsets(string text, bool parseSpecial = false);

    /// <summary>
    /// The tokens of one text or two as a model is given them: with the control tokens that the tokenizer puts around
    /// texts, cut to its maximal length and filled up, where it says so.
    /// </summary>
    ModelInput EncodeForModel(string text, string? pair = null, bool parseSpecial = false);

    /// <summary>As <see cref="EncodeForModel"/>, filled up to the longest of them all where the tokenizer says so.</summary>
    IReadOnlyList<ModelInput> EncodeBatch(IReadOnlyList<(string Text, string? Pair)> texts, bool parseSpecial = false);

    /// <summary>
    /// Tokens that were made already with the control tokens around them that a model is given, neither cut nor filled up.
    /// </summary>
    ModelInput AddControlTokens(TokenizedText text, TokenizedText? pair = null);

    /// <summary>Text of the ids; bytes that are not valid UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id has no token.</exception>
    string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false);

    /// <summary>Decodes one sequence token by token, as it is generated.</summary>
    StreamingDecoder StartDecoding(bool skipSpecial = false);

    /// <summary>The bytes of UTF-8 that one token stands for; possibly a part of a character.</summary>
    ReadOnlySpan<byte> BytesOf(int id);

    int? BosId { get; }

    int? EosId { get; }

    int? PadId { get; }

    int? UnknownId { get; }

    /// <summary>The id of a token as it is written in the vocabulary, or null.</summary>
    int? IdOf(string token);

    /// <summary>The token as it is written in the vocabulary; empty for an id without one.</summary>
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
