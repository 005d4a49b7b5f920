using System.Text.Json;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tokenizers;

/// <summary>Everything that a byte-level BPE tokenizer is made of, checked by whoever made it.</summary>
internal sealed class BpeDefinition
{
    /// <summary>Token texts by id.</summary>
    public required string[] Tokens { get; init; }

    /// <summary>For each id whether the model's own vocabulary lists it; the others are added tokens only.</summary>
    public required bool[] InModel { get; init; }

    public required IReadOnlyList<AddedToken> Added { get; init; }

    /// <summary>Merges as ids, first to last.</summary>
    public required IReadOnlyList<(int Left, int Right, int Result)> Merges { get; init; }

    public required PreTokenizer PreTokenizer { get; init; }

    /// <summary>Whether a word that is a token as a whole needs no merges to become it.</summary>
    public bool IgnoreMerges { get; init; }

    public string? UnknownToken { get; init; }

    /// <summary>Kept as it came: it adds tokens around a text, which callers here do by themselves.</summary>
    public JsonElement? PostProcessor { get; init; }

    public int? BosId { get; init; }

    public int? EosId { get; init; }

    public int? PadId { get; init; }
}
