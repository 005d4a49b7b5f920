namespace Cleave.Tokenizers;

/// <summary>
/// Decodes tokens as they are generated: what a later token may still change is held back, so the pieces put together
/// equal <see cref="ITokenizer.Decode"/> of all ids. One per sequence.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly IStream _stream;

    internal StreamingDecoder(IStream stream) => _stream = stream;

    internal interface IStream
    {
        string Append(int id);

        string Flush();
    }

    /// <summary>The text that this token completes; empty while a character is in the making.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id has no token.</exception>
    public string Append(int id) => _stream.Append(id);

    /// <summary>The end of the sequence: an incomplete character, if any, becomes U+FFFD.</summary>
    public string Flush() => _stream.Flush();
}
