using Cleave.Json;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.Normalizers;
using Cleave.Tokenizers.PostProcessors;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.Reading;

/// <summary>Reads and checks a tokenizer.json; anything that is not implemented is refused by its name and path.</summary>
internal static class TokenizerJsonReader
{
    public static TokenizerDefinition Read(ReadOnlySpan<byte> utf8, string file) => Read(JsonCursor.Parse(utf8, file));

    public static TokenizerDefinition Read(JsonCursor root)
    {
        JsonCursor model = root["model"];
        JsonCursor? list = root.Find("added_tokens");
        VocabularyBuilder builder = ModelReader.ReadVocabulary(model, list?.Items().Count() ?? 0);
        Func<Vocabulary, bool, TokenModel> makeModel = ModelReader.Read(model, builder);
        if (list is not null)
            builder.AddTokens(list);
        return Read(root, builder, makeModel, model.Find("unk_token")?.Text() is { } unknown ? builder.IdOf(unknown) : model.Find("unk_id")?.Int());
    }

    /// <summary>Reads what goes around a model.</summary>
    /// <param name="root">An object with the members of tokenizer.json; <c>model</c> and <c>added_tokens</c> are not looked at.</param>
    public static TokenizerDefinition Read(
        JsonCursor root, VocabularyBuilder builder, Func<Vocabulary, bool, TokenModel> makeModel, int? unknownId)
    {
        Normalizer? normalizer = root.Find("normalizer") is { } n ? NormalizerReader.Read(n) : null;
        var steps = new List<Segmenter>();
        bool needsOrigins = false;
        if (root.Find("pre_tokenizer") is { } pre)
            SegmentationReader.Read(pre, steps, ref needsOrigins);
        PostProcessor post = root.Find("post_processor") is { } p ? PostProcessorReader.Read(p, builder) : PostProcessor.None;
        Vocabulary vocabulary = builder.Build();
        // Where the alphabet of bytes is the last step and the only one, the model takes the text's bytes themselves.
        bool bytes = steps.Count > 0 && steps[^1] is ByteLevelSegmenter && steps.Count(s => s is ByteLevelSegmenter) == 1;
        TokenModel model = makeModel(vocabulary, bytes);
        if (model.TakesBytes)
            steps.RemoveAt(steps.Count - 1);
        if (model.Boundary is { } mark)
            steps.Add(new BoundarySegmenter(mark));
        return new TokenizerDefinition
        {
            Vocabulary = vocabulary,
            Model = model,
            Normalizer = normalizer,
            Segmenters = steps,
            NeedsOrigins = needsOrigins,
            Decoder = DecoderReader.Read(root.Find("decoder")),
            PostProcessor = post,
            Truncation = root.Find("truncation") is { } t ? PostProcessorReader.ReadTruncation(t) : null,
            Padding = root.Find("padding") is { } fill ? PostProcessorReader.ReadPadding(fill) : null,
            Parts = Parts(root),
            UnknownId = unknownId,
            BosId = post.BeginId,
            EosId = post.EndId,
        };
    }

    private static TokenizerParts Parts(JsonCursor root) => new()
    {
        Normalizer = root.Find("normalizer")?.Element,
        PreTokenizer = root.Find("pre_tokenizer")?.Element,
        PostProcessor = root.Find("post_processor")?.Element,
        Decoder = root.Find("decoder")?.Element,
        Truncation = root.Find("truncation")?.Element,
        Padding = root.Find("padding")?.Element,
    };
}
