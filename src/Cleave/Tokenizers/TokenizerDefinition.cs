using System.Text.Json;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.Decoders;
using Cleave.Tokenizers.Normalizers;
using Cleave.Tokenizers.PostProcessors;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers;

/// <summary>Everything that a tokenizer is made of, checked by whoever made it.</summary>
internal sealed record TokenizerDefinition
{
    public required Vocabulary Vocabulary { get; init; }

    /// <summary>Added tokens that the other steps find by themselves.</summary>
    public IReadOnlySet<int> MatchedByModel { get; init; } = new HashSet<int>();

    public required TokenModel Model { get; init; }

    public Normalizer? Normalizer { get; init; }

    public required IReadOnlyList<Segmenter> Segmenters { get; init; }

    /// <summary>Whether a step asks where in the original text a piece lies.</summary>
    public bool NeedsOrigins { get; init; }

    public required IReadOnlyList<DecodingStep> Decoder { get; init; }

    public PostProcessor PostProcessor { get; init; } = PostProcessor.None;

    public Truncation? Truncation { get; init; }

    public Padding? Padding { get; init; }

    public required TokenizerParts Parts { get; init; }

    public int? UnknownId { get; init; }

    public int? BosId { get; init; }

    public int? EosId { get; init; }

    public int? PadId { get; init; }
}

/// <summary>The parts of tokenizer.json besides the model, as they are written.</summary>
internal sealed record TokenizerParts
{
    public JsonElement? Normalizer { get; init; }

    public JsonElement? PreTokenizer { get; init; }

    public JsonElement? PostProcessor { get; init; }

    public JsonElement? Decoder { get; init; }

    public JsonElement? Truncation { get; init; }

    public JsonElement? Padding { get; init; }
}
