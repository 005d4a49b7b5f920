using System.Buffers;
using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Decoders;

/// <summary>The tokens <c>&lt;0x00&gt;</c> … <c>&lt;0xFF&gt;</c>.</summary>
internal static class ByteToken
{
    public static bool TryParse(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}

/// <summary>A run of byte tokens becomes the text that it encodes, or as many U+FFFD as bytes where it encodes none.</summary>
internal sealed class ByteFallbackStep : DecodingStep
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override DecodingRun Start(DecodingRun next) => new Run(next);

    private sealed class Run(DecodingRun next) : DecodingRun
    {
        private readonly List<byte> _bytes = [];

        public override void Push(string text, bool begins)
        {
            if (begins && ByteToken.TryParse(text, out byte value))
            {
                _bytes.Add(value);
                return;
            }
            Release();
            next.Push(text, begins);
        }

        public override void End()
        {
            Release();
            next.End();
        }

        private void Release()
        {
            if (_bytes.Count == 0)
                return;
            try
            {
                next.Push(Strict.GetString([.. _bytes]), begins: true);
            }
            catch (DecoderFallbackException)
            {
                foreach (byte _ in _bytes)
                    next.Push("\uFFFD", begins: true);
            }
            _bytes.Clear();
        }
    }
}

/// <summary>Tokens in the byte-level alphabet become the text whose bytes they are; bytes that are no text become U+FFFD.</summary>
internal sealed class ByteLevelStep : DecodingStep
{
    public override DecodingRun Start(DecodingRun next) => new Run(next);

    private sealed class Run(DecodingRun next) : DecodingRun
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
        private bool _begun;

        public override void Push(string text, bool begins) => Convert(ByteAlphabet.Decode(text), flush: false);

        public override void End()
        {
            Convert([], flush: true);
            next.End();
        }

        private void Convert(ReadOnlySpan<byte> bytes, bool flush)
        {
            char[] characters = ArrayPool<char>.Shared.Rent(bytes.Length + 4);
            int count = _decoder.GetChars(bytes, characters, flush);
            if (count > 0)
            {
                next.Push(new string(characters, 0, count), !_begun);
                _begun = true;
            }
            ArrayPool<char>.Shared.Return(characters);
        }
    }
}

/// <summary>
/// Pieces of a SentencePiece model to text: the mark of blanks becomes a blank, but for the one that was put before the
/// text; bytes become characters, and each byte that is none becomes U+FFFD.
/// </summary>
/// <param name="control">Pieces that are not shown.</param>
/// <param name="unknown">The unknown piece and what is shown for it.</param>
/// <param name="dummyPrefix">Whether a blank was put before the text.</param>
/// <param name="removesBlanks">Whether the text could not begin with any blank.</param>
internal sealed class SentencePieceStep(IReadOnlySet<string> control, (string Piece, string Shown) unknown, bool dummyPrefix, bool removesBlanks) : DecodingStep
{
    private const char Mark = '\u2581';

    private readonly IReadOnlySet<string> _control = control;
    private readonly (string Piece, string Shown) _unknown = unknown;
    private readonly bool _strips = dummyPrefix || removesBlanks, _removes = removesBlanks;

    public override DecodingRun Start(DecodingRun next) => new Run(this, next);

    public override string Plain(string token) => _control.Contains(token) ? "" : token.Replace(Mark, ' ');

    private sealed class Run(SentencePieceStep step, DecodingRun next) : DecodingRun
    {
        private readonly List<byte> _bytes = [];
        private bool _atStart = true, _markSeen;

        public override void Push(string text, bool begins)
        {
            if (ByteToken.TryParse(text, out byte value))
            {
                _bytes.Add(value);
                ReleaseCharacters(final: false);
                return;
            }
            ReleaseCharacters(final: true);
            if (step._control.Contains(text))
                return;
            if (text == step._unknown.Piece)
            {
                Emit(step._unknown.Shown);
                return;
            }
            _atStart &= !_markSeen;
            bool stripped = _atStart && step._strips && text.StartsWith(Mark);
            if (stripped)
                text = text[1..];
            _markSeen = stripped && !step._removes;
            Emit(text.Replace(Mark, ' '));
        }

        public override void End()
        {
            ReleaseCharacters(final: true);
            next.End();
        }

        private void Emit(string text)
        {
            _atStart &= text.Length == 0;
            next.Push(text, begins: true);
        }

        /// <summary>Passes on the characters that are complete, and at the end of a run of bytes what never will be.</summary>
        private void ReleaseCharacters(bool final)
        {
            while (_bytes.Count > 0)
            {
                ReadOnlySpan<byte> bytes = _bytes.ToArray();
                OperationStatus status = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length);
                if (status == OperationStatus.NeedMoreData && !final)
                    return;
                if (status != OperationStatus.Done)
                    (rune, length) = (Rune.ReplacementChar, 1);
                Emit(rune.ToString());
                _bytes.RemoveRange(0, length);
            }
        }
    }
}
