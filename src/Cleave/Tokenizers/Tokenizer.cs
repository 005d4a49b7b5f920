using System.Text;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.Decoders;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.Reading;

namespace Cleave.Tokenizers;

/// <summary>
/// A tokenizer in steps, as Hugging Face's tokenizer.json describes it: added tokens are found, the text between them is
/// normalized, cut into pieces, each piece becomes tokens, and control tokens are put around them. Every other form of
/// tokenizer file is read into the same steps.
/// </summary>
public sealed partial class Tokenizer : ITokenizer
{
    private static readonly string[] BosNames = ["<|begin_of_text|>", "<|bos|>", "<bos>", "<s>", "<|startoftext|>", "<|endoftext|>"];
    private static readonly string[] EosNames = ["<|end_of_text|>", "<|eos|>", "<eos>", "</s>", "<|endoftext|>"];
    private static readonly string[] PadNames = ["<|pad|>", "<pad>", "[PAD]", "<|finetune_right_pad_id|>"];

    private readonly TokenizerDefinition _definition;
    private readonly Vocabulary _vocabulary;
    private readonly TokenModel _model;
    private readonly byte[][] _bytes;
    private readonly bool _decodesBytes;
    private readonly Matchers _ordinary, _all;

    internal Tokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        _vocabulary = definition.Vocabulary;
        _model = definition.Model;
        _decodesBytes = definition.Decoder is [ByteLevelStep];
        _bytes = new byte[_vocabulary.Count][];
        for (int id = 0; id < _bytes.Length; id++)
            _bytes[id] = PlainBytes(_vocabulary.TokenOf(id));
        foreach (AddedToken added in _vocabulary.Added)
            _bytes[added.Id] = Encoding.UTF8.GetBytes(added.Content);
        AddedToken[] sought = [.. _vocabulary.Added.Where(t => !definition.MatchedByModel.Contains(t.Id))];
        _ordinary = new Matchers([.. sought.Where(t => !t.Special)], definition.Normalizer);
        _all = new Matchers(sought, definition.Normalizer);
        SpecialTokens = [.. _vocabulary.Added.Where(t => t.Special).OrderBy(t => t.Id).Select(t => t.Content)];
        BosId = definition.BosId ?? FirstSpecial(BosNames);
        EosId = definition.EosId ?? FirstSpecial(EosNames);
        PadId = definition.PadId ?? FirstSpecial(PadNames);
        UnknownId = definition.UnknownId;
    }

    /// <summary>Reads a tokenizer.json.</summary>
    /// <param name="pathForErrors">The file that messages name.</param>
    /// <exception cref="ModelFileException">The bytes are not a tokenizer.json, or ask for what is not supported.</exception>
    public static Tokenizer Load(ReadOnlyMemory<byte> tokenizerJson, string pathForErrors) =>
        new(TokenizerJsonReader.Read(tokenizerJson.Span, pathForErrors));

    /// <inheritdoc cref="Load(ReadOnlyMemory{byte}, string)"/>
    public static Tokenizer Load(Stream tokenizerJson, string pathForErrors)
    {
        ArgumentNullException.ThrowIfNull(tokenizerJson);
        using var bytes = new MemoryStream();
        tokenizerJson.CopyTo(bytes);
        return Load(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), pathForErrors);
    }

    /// <summary>From the older pair of files, GPT-2's <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    /// <param name="specialTokens">Names in the vocabulary that are control tokens.</param>
    /// <exception cref="ModelFileException">The files do not fit together.</exception>
    public static Tokenizer FromVocabularyAndMerges(
        ReadOnlyMemory<byte> vocabularyJson, ReadOnlyMemory<byte> merges, IReadOnlyList<string> specialTokens,
        PreTokenizer preTokenizer, string pathForErrors) =>
        new(VocabularyAndMergesReader.Read(vocabularyJson.Span, merges.Span, specialTokens, preTokenizer, pathForErrors));

    public int VocabularySize => _bytes.Length;

    public int? BosId { get; }

    public int? EosId { get; }

    public int? PadId { get; }

    public int? UnknownId { get; }

    public IReadOnlyList<string> SpecialTokens { get; }

    internal TokenizerDefinition Definition => _definition;

    public int? IdOf(string token) => _vocabulary.IdOf(token);

    public string TokenOf(int id) => _vocabulary.TokenOf(Checked(id));

    public bool IsSpecial(int id) => _vocabulary.IsSpecial(Checked(id));

    public ReadOnlySpan<byte> BytesOf(int id) => _bytes[Checked(id)];

    /// <summary>The same tokenizer with its control tokens said from outside, as tokenizer_config.json does; null keeps one.</summary>
    public Tokenizer WithControlTokens(int? bos = null, int? eos = null, int? pad = null) =>
        new(_definition with { BosId = bos ?? BosId, EosId = eos ?? EosId, PadId = pad ?? PadId });

    public void Save(Stream tokenizerJson) => TokenizerJsonWriter.Write(_definition, tokenizerJson);

    private int Checked(int id) => (uint)id < (uint)_bytes.Length ? id
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"the vocabulary has {_bytes.Length} tokens");

    private int? FirstSpecial(string[] names)
    {
        foreach (string name in names)
        {
            if (IdOf(name) is { } id && _vocabulary.IsSpecial(id))
                return id;
        }
        return null;
    }

    private byte[] PlainBytes(string token)
    {
        if (_definition.Decoder.Any(step => step is ByteLevelStep))
            return ByteAlphabet.Decode(token);
        if (ByteToken.TryParse(token, out byte value) && _definition.Decoder.Any(step => step is ByteFallbackStep or SentencePieceStep))
            return [value];
        foreach (DecodingStep step in _definition.Decoder)
            token = step.Plain(token);
        return Encoding.UTF8.GetBytes(token);
    }
}
