using System.Buffers;
using System.Text;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tokenizers;

/// <summary>
/// Byte-level byte-pair encoding (Radford et al. 2019), as GPT-2, Phi-2 and Llama 3 use it, from and to Hugging
/// Face's tokenizer.json. Decoding an encoding gives the text back; lone surrogates have become U+FFFD.
/// </summary>
public sealed class BpeTokenizer : ITokenizer
{
    private static readonly string[] BosNames = ["<|begin_of_text|>", "<|bos|>", "<bos>", "<s>", "<|startoftext|>", "<|endoftext|>"];
    private static readonly string[] EosNames = ["<|end_of_text|>", "<|eos|>", "<eos>", "</s>", "<|endoftext|>"];
    private static readonly string[] PadNames = ["<|pad|>", "<pad>", "[PAD]", "<|finetune_right_pad_id|>"];

    private readonly BpeDefinition _definition;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
    private readonly byte[][] _bytes;
    private readonly bool[] _special;
    private readonly int[] _byteIds = new int[256];
    private readonly int _longestToken;
    private readonly MergeTable _merges;
    private readonly WordCache _cache = new();
    private readonly AddedTokenMatcher[] _ordinary, _all;

    internal BpeTokenizer(BpeDefinition definition)
    {
        _definition = definition;
        string[] tokens = definition.Tokens;
        _ids = new Dictionary<string, int>(tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Length; id++)
            _ids.Add(tokens[id], id);
        _idsBySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _bytes = Array.ConvertAll(tokens, ByteAlphabet.Decode);
        _special = new bool[tokens.Length];
        foreach (AddedToken added in definition.Added)
        {
            _bytes[added.Id] = Encoding.UTF8.GetBytes(added.Content);
            _special[added.Id] = added.Special;
        }
        for (int b = 0; b < 256; b++)
            _byteIds[b] = _idsBySpan[[ByteAlphabet.ToCharacter((byte)b)]];
        _longestToken = tokens.Max(t => t.Length);
        _merges = new MergeTable(definition.Merges.Count);
        for (int rank = 0; rank < definition.Merges.Count; rank++)
        {
            (int left, int right, int result) = definition.Merges[rank];
            _merges.Add(left, right, rank, result);
        }
        _ordinary = Matchers(definition.Added.Where(t => !t.Special));
        _all = Matchers(definition.Added);
        SpecialTokens = [.. definition.Added.Where(t => t.Special).OrderBy(t => t.Id).Select(t => t.Content)];
        BosId = definition.BosId ?? FirstSpecial(BosNames);
        EosId = definition.EosId ?? FirstSpecial(EosNames);
        PadId = definition.PadId ?? FirstSpecial(PadNames);
        UnknownId = definition.UnknownToken is { } unknown ? IdOf(unknown) : null;
    }

    /// <param name="pathForErrors">The file that messages name.</param>
    /// <exception cref="ModelFileException">The bytes are not the tokenizer.json of a byte-level BPE.</exception>
    public static BpeTokenizer Load(ReadOnlyMemory<byte> tokenizerJson, string pathForErrors) =>
        new(BpeReader.Read(tokenizerJson.Span, pathForErrors));

    /// <inheritdoc cref="Load(ReadOnlyMemory{byte}, string)"/>
    public static BpeTokenizer Load(Stream tokenizerJson, string pathForErrors)
    {
        ArgumentNullException.ThrowIfNull(tokenizerJson);
        using var bytes = new MemoryStream();
        tokenizerJson.CopyTo(bytes);
        return Load(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), pathForErrors);
    }

    /// <summary>From the older pair of files, GPT-2's <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    /// <param name="specialTokens">Names in the vocabulary that are control tokens.</param>
    /// <exception cref="ModelFileException">The files do not fit together.</exception>
    public static BpeTokenizer FromVocabularyAndMerges(
        ReadOnlyMemory<byte> vocabularyJson, ReadOnlyMemory<byte> merges, IReadOnlyList<string> specialTokens,
        PreTokenizer preTokenizer, string pathForErrors) =>
        new(BpeReader.ReadVocabularyAndMerges(vocabularyJson.Span, merges.Span, specialTokens, preTokenizer, pathForErrors));

    public int VocabularySize => _bytes.Length;

    public int? BosId { get; }

    public int? EosId { get; }

    public int? PadId { get; }

    public int? UnknownId { get; }

    public IReadOnlyList<string> SpecialTokens { get; }

    public int? IdOf(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    public string TokenOf(int id) => _definition.Tokens[Checked(id)];

    public bool IsSpecial(int id) => _special[Checked(id)];

    public ReadOnlySpan<byte> BytesOf(int id) => _bytes[Checked(id)];

    /// <summary>The same tokenizer with its control tokens said from outside, as tokenizer_config.json does; null keeps one.</summary>
    public BpeTokenizer WithControlTokens(int? bos = null, int? eos = null, int? pad = null) => new(new BpeDefinition
    {
        Tokens = _definition.Tokens,
        InModel = _definition.InModel,
        Added = _definition.Added,
        Merges = _definition.Merges,
        PreTokenizer = _definition.PreTokenizer,
        IgnoreMerges = _definition.IgnoreMerges,
        UnknownToken = _definition.UnknownToken,
        PostProcessor = _definition.PostProcessor,
        BosId = bos ?? BosId,
        EosId = eos ?? EosId,
        PadId = pad ?? PadId,
    });

    public int[] Encode(string text, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var output = new Output(new List<int>(text.Length / 3 + 4), null, []);
        EncodeAround(text, 0, parseSpecial ? _all : _ordinary, output);
        return [.. output.Ids];
    }

    public TokenizedText EncodeWithOffsets(string text, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var output = new Output([], [], []);
        EncodeAround(text, 0, parseSpecial ? _all : _ordinary, output);
        return new TokenizedText([.. output.Ids], [.. output.Offsets!]);
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        int total = 0;
        foreach (int id in ids)
            total += _bytes[Checked(id)].Length;
        byte[] rented = ArrayPool<byte>.Shared.Rent(total);
        int count = 0;
        foreach (int id in ids)
        {
            if (skipSpecial && _special[id])
                continue;
            _bytes[id].CopyTo(rented, count);
            count += _bytes[id].Length;
        }
        string text = Encoding.UTF8.GetString(rented, 0, count);
        ArrayPool<byte>.Shared.Return(rented);
        return text;
    }

    public void Save(Stream tokenizerJson) => BpeWriter.Write(_definition, tokenizerJson);

    private int Checked(int id) => (uint)id < (uint)_bytes.Length ? id
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"the vocabulary has {_bytes.Length} tokens");

    private int? FirstSpecial(string[] names)
    {
        foreach (string name in names)
        {
            if (IdOf(name) is { } id && _special[id])
                return id;
        }
        return null;
    }

    /// <summary>Added tokens that are not normalized are looked for first, the others in what those leave.</summary>
    private static AddedTokenMatcher[] Matchers(IEnumerable<AddedToken> tokens)
    {
        AddedTokenMatcher[] all = [new(tokens.Where(t => !t.Normalized)), new(tokens.Where(t => t.Normalized))];
        return [.. all.Where(m => !m.IsEmpty)];
    }

    private void EncodeAround(ReadOnlySpan<char> text, int origin, ReadOnlySpan<AddedTokenMatcher> matchers, Output output)
    {
        if (matchers.IsEmpty)
        {
            EncodeWords(text, origin, output);
            return;
        }
        for (int from = 0; from < text.Length;)
        {
            AddedToken? token = matchers[0].Next(text, from, out int start, out int end);
            EncodeAround(text[from..start], origin + from, matchers[1..], output);
            if (token is not null)
            {
                output.Ids.Add(token.Id);
                output.Offsets?.Add((origin + start, origin + end));
            }
            from = end;
        }
    }

    private void EncodeWords(ReadOnlySpan<char> text, int origin, Output output)
    {
        if (text.IsEmpty)
            return;
        int first = origin;
        if (_definition.PreTokenizer.AddPrefixSpace && text[0] != ' ')
        {
            text = string.Concat(" ", text);
            origin--;
        }
        List<int> ends = output.Ends;
        ends.Clear();
        _definition.PreTokenizer.Split(text, ends);
        int start = 0;
        foreach (int end in ends)
        {
            ReadOnlySpan<char> word = text[start..end];
            int[] ids = EncodeWord(word);
            if (ids.Length == 1)
                output.Ids.Add(ids[0]);
            else
                output.Ids.AddRange(ids);
            if (output.Offsets is { } offsets)
                AddOffsets(word, origin + start, first, ids, offsets);
            start = end;
        }
    }

    private int[] EncodeWord(ReadOnlySpan<char> word)
    {
        if (word.Length > WordCache.LongestWord)
            return MergeWord(word);
        ulong hash = WordCache.HashOf(word);
        if (_cache.Find(word, hash) is { } known)
            return known;
        int[] ids = MergeWord(word);
        _cache.Keep(word, hash, ids);
        return ids;
    }

    private int[] MergeWord(ReadOnlySpan<char> word)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(3 * word.Length);
        int count = Encoding.UTF8.GetBytes(word, bytes);
        if (WholeWord(bytes.AsSpan(0, count)) is { } whole)
        {
            ArrayPool<byte>.Shared.Return(bytes);
            return [whole];
        }
        int[] symbols = ArrayPool<int>.Shared.Rent(count);
        for (int i = 0; i < count; i++)
            symbols[i] = _byteIds[bytes[i]];
        int[] ids = symbols[..WordMerger.Merge(symbols.AsSpan(0, count), _merges)];
        ArrayPool<int>.Shared.Return(symbols);
        ArrayPool<byte>.Shared.Return(bytes);
        return ids;
    }

    private int? WholeWord(ReadOnlySpan<byte> bytes)
    {
        if (!_definition.IgnoreMerges || bytes.Length > _longestToken)
            return null;
        Span<char> token = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        ByteAlphabet.Encode(bytes, token);
        return _idsBySpan.TryGetValue(token, out int id) && _definition.InModel[id] && !_special[id] ? id : null;
    }

    private void AddOffsets(ReadOnlySpan<char> word, int origin, int least, int[] ids, List<(int, int)> offsets)
    {
        // Both ends of the character in hand, in bytes of the word and in characters.
        int byteEnd = 0, start = 0, end = 0, tokenEnd = 0;
        foreach (int id in ids)
        {
            int tokenStart = tokenEnd;
            tokenEnd += _bytes[id].Length;
            while (byteEnd <= tokenStart)
                Advance(word, ref byteEnd, ref start, ref end);
            int from = start;
            while (byteEnd < tokenEnd)
                Advance(word, ref byteEnd, ref start, ref end);
            offsets.Add((Math.Max(least, origin + from), Math.Max(least, origin + end)));
        }
    }

    private static void Advance(ReadOnlySpan<char> word, ref int byteEnd, ref int start, ref int end)
    {
        start = end;
        Rune.DecodeFromUtf16(word[end..], out Rune rune, out int length);
        end += length;
        byteEnd += rune.Utf8SequenceLength;
    }

    private sealed record Output(List<int> Ids, List<(int Start, int End)>? Offsets, List<int> Ends);
}
