using System.Text;

namespace Cleave.Tokenizers;

/// <summary>
/// Decodes tokens as they are generated: the bytes of a character that is not complete yet are held back, so
/// the pieces put together equal <see cref="ITokenizer.Decode"/> of all ids. One per sequence.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly ITokenizer _tokenizer;
    private readonly bool _skipSpecial;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    public StreamingDecoder(ITokenizer tokenizer, bool skipSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _skipSpecial = skipSpecial;
    }

    /// <summary>The text that this token completes; empty while a character is in the making.</summary>
    public string Append(int id) =>
        _skipSpecial && _tokenizer.IsSpecial(id) ? "" : Convert(_tokenizer.BytesOf(id), flush: false);

    /// <summary>The end of the sequence: an incomplete character, if any, becomes U+FFFD.</summary>
    public string Flush() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        int most = Encoding.UTF8.GetMaxCharCount(bytes.Length + 4);
        Span<char> characters = most <= 256 ? stackalloc char[256] : new char[most];
        return new string(characters[.._decoder.GetChars(bytes, characters, flush)]);
    }
}
