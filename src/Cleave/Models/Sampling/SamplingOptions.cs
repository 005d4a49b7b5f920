namespace Cleave.Models.Sampling;

/// <summary>How the next token is chosen.</summary>
public sealed record SamplingOptions
{
    /// <summary>0: always the most likely token. Above 1: flatter than the model's own distribution.</summary>
    public double Temperature { get; init; }

    /// <summary>Only the most likely tokens whose probabilities add up to this; 1: all. Holtzman et al., 2019.</summary>
    public double TopP { get; init; } = 1;

    public int MaxTokens { get; init; } = 128;

    public ulong Seed { get; init; }

    public SamplingOptions Checked()
    {
        if (!(Temperature >= 0) || Temperature > 100)
            throw new CleaveException($"temperature {Temperature} must be between 0 and 100");
        if (!(TopP > 0) || TopP > 1)
            throw new CleaveException($"top-p {TopP} must be above 0 and at most 1");
        return MaxTokens < 1 ? throw new CleaveException($"max tokens {MaxTokens} must be at least 1") : this;
    }
}
