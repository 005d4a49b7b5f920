namespace Cleave.Serving.Engine;

/// <summary>What an engine may take.</summary>
public sealed record EngineOptions
{
    /// <summary>Sequences that are computed together; others wait.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>Tokens of one forward pass: one of every running sequence, the rest are read of new prompts.</summary>
    public int StepTokens { get; init; } = 256;

    /// <summary>Bytes of keys and values that all running sequences may come to hold; null: a quarter of what is available.</summary>
    public long? KeyValueBytes { get; init; }

    /// <summary>Texts that were read lately whose keys and values are kept, within those bytes, for prompts that begin like them; 0 for none.</summary>
    public int KnownPrefixes { get; init; } = 16;

    /// <exception cref="CleaveException">A value is out of range.</exception>
    public EngineOptions Checked() => MaxSequences < 1 || StepTokens <= MaxSequences || KeyValueBytes < 1 || KnownPrefixes < 0
        ? throw new CleaveException("an engine needs room for a sequence, for more tokens a step than sequences, and for keys and values") : this;
}
