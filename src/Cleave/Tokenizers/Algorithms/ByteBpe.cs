using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>Byte-level byte-pair encoding (Radford et al. 2019): the symbols are the bytes of the text in UTF-8.</summary>
internal sealed class ByteBpe : TokenModel
{
    private readonly BpeRules _rules;
    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly int[] _byteIds = new int[256];
    private readonly int[] _lengths;
    private readonly int _longestToken;

    private ByteBpe(BpeRules rules, Vocabulary vocabulary)
    {
        (_rules, _vocabulary) = (rules, vocabulary);
        for (int b = 0; b < 256; b++)
            _byteIds[b] = vocabulary.ModelIdOf([ByteAlphabet.ToCharacter((byte)b)]) ?? -1;
        _merges = rules.Table();
        // In this alphabet a token has as many characters as bytes.
        _lengths = [.. Enumerable.Range(0, vocabulary.Count).Select(id => vocabulary.TokenOf(id).Length)];
        _longestToken = _lengths.Max();
    }

    /// <summary>The model, or null where a byte has no token.</summary>
    public static ByteBpe? TryCreate(BpeRules rules, Vocabulary vocabulary)
    {
        if (rules.Prefix.Length > 0 || rules.Suffix.Length > 0)
            return null;
        var model = new ByteBpe(rules, vocabulary);
        return model._byteIds.AsSpan().Contains(-1) ? null : model;
    }

    public override bool TakesBytes => true;

    public override int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(3 * piece.Length);
        int count = Encoding.UTF8.GetBytes(piece, bytes);
        int[] ids;
        if (WholeWord(bytes.AsSpan(0, count)) is { } whole)
        {
            ids = [whole];
        }
        else
        {
            int[] symbols = ArrayPool<int>.Shared.Rent(count);
            for (int i = 0; i < count; i++)
                symbols[i] = _byteIds[bytes[i]];
            ids = symbols[..WordMerger.Merge(symbols.AsSpan(0, count), _merges)];
            ArrayPool<int>.Shared.Return(symbols);
        }
        ArrayPool<byte>.Shared.Return(bytes);
        if (spans is not null)
            AddSpans(piece, ids, spans);
        return ids;
    }

    public override void Write(Utf8JsonWriter json, Vocabulary vocabulary) => _rules.Write(json, vocabulary);

    private int? WholeWord(ReadOnlySpan<byte> bytes)
    {
        if (!_rules.IgnoreMerges || bytes.Length > _longestToken)
            return null;
        Span<char> token = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        ByteAlphabet.Encode(bytes, token);
        return _vocabulary.ModelIdOf(token) is { } id && !_vocabulary.IsSpecial(id) ? id : null;
    }

    private void AddSpans(ReadOnlySpan<char> piece, int[] ids, List<(int Start, int End)> spans)
    {
        // Both ends of the character in hand, in bytes of the piece and in characters.
        int byteEnd = 0, start = 0, end = 0, tokenEnd = 0;
        foreach (int id in ids)
        {
            int tokenStart = tokenEnd;
            tokenEnd += _lengths[id];
            while (byteEnd <= tokenStart)
                Advance(piece, ref byteEnd, ref start, ref end);
            int from = start;
            while (byteEnd < tokenEnd)
                Advance(piece, ref byteEnd, ref start, ref end);
            spans.Add((from, end));
        }
    }

    private static void Advance(ReadOnlySpan<char> piece, ref int byteEnd, ref int start, ref int end)
    {
        start = end;
        Rune.DecodeFromUtf16(piece[end..], out Rune rune, out int length);
        end += length;
        byteEnd += rune.Utf8SequenceLength;
    }
}
