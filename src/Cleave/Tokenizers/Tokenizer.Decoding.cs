using System.Buffers;
using System.Text;
using Cleave.Tokenizers.Decoders;

namespace Cleave.Tokenizers;

public sealed partial class Tokenizer
{
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        if (_decodesBytes)
            return DecodeBytes(ids, skipSpecial);
        StreamingDecoder decoder = StartDecoding(skipSpecial);
        var text = new StringBuilder();
        foreach (int id in ids)
            text.Append(decoder.Append(id));
        return text.Append(decoder.Flush()).ToString();
    }

    public StreamingDecoder StartDecoding(bool skipSpecial = false)
    {
        if (_decodesBytes)
            return new StreamingDecoder(new ByteStream(this, skipSpecial));
        var text = new DecodedText();
        DecodingRun run = text;
        for (int i = _definition.Decoder.Count - 1; i >= 0; i--)
            run = _definition.Decoder[i].Start(run);
        return new StreamingDecoder(new StepStream(this, skipSpecial, run, text));
    }

    private string DecodeBytes(ReadOnlySpan<int> ids, bool skipSpecial)
    {
        int total = 0;
        foreach (int id in ids)
            total += _bytes[Checked(id)].Length;
        byte[] rented = ArrayPool<byte>.Shared.Rent(total);
        int count = 0;
        foreach (int id in ids)
        {
            if (skipSpecial && _vocabulary.IsSpecial(id))
                continue;
            _bytes[id].CopyTo(rented, count);
            count += _bytes[id].Length;
        }
        string text = Encoding.UTF8.GetString(rented, 0, count);
        ArrayPool<byte>.Shared.Return(rented);
        return text;
    }

    /// <summary>Tokens whose bytes, put together, are the text.</summary>
    private sealed class ByteStream(Tokenizer tokenizer, bool skipSpecial) : StreamingDecoder.IStream
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

        public string Append(int id) =>
            skipSpecial && tokenizer.IsSpecial(id) ? "" : Convert(tokenizer.BytesOf(id), flush: false);

        public string Flush() => Convert([], flush: true);

        private string Convert(ReadOnlySpan<byte> bytes, bool flush)
        {
            int most = Encoding.UTF8.GetMaxCharCount(bytes.Length + 4);
            Span<char> characters = most <= 256 ? stackalloc char[256] : new char[most];
            return new string(characters[.._decoder.GetChars(bytes, characters, flush)]);
        }
    }

    /// <summary>Tokens that go through the steps of a decoder.</summary>
    private sealed class StepStream(Tokenizer tokenizer, bool skipSpecial, DecodingRun run, DecodedText text) : StreamingDecoder.IStream
    {
        public string Append(int id)
        {
            if (!(skipSpecial && tokenizer.IsSpecial(id)) && tokenizer._vocabulary.Has(tokenizer.Checked(id)))
                run.Push(tokenizer.TokenOf(id), begins: true);
            return text.Take();
        }

        public string Flush()
        {
            run.End();
            return text.Take();
        }
    }
}
