using Cleave.Evaluation.Energy;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Training.Adapters;

namespace Cleave.Serving.Engine;

/// <summary>One text to be continued, or for an encoder–decoder to be answered.</summary>
public sealed record SequenceRequest
{
    /// <summary>The prompt's tokens.</summary>
    public required int[] Prompt { get; init; }

    public required SamplingOptions Sampling { get; init; }

    /// <summary>Whether a token ends the answer; asked on the engine's thread.</summary>
    public required Func<int, bool> IsEnd { get; init; }

    /// <summary>Keeps the text, or parts of it, to a grammar, for this request alone; or null.</summary>
    public ITokenConstraint? Constraint { get; init; }

    /// <summary>The number of the engine's adapter that the text is continued with, or <see cref="AdapterBank.None"/>.</summary>
    public int Adapter { get; init; } = AdapterBank.None;

    /// <summary>How many of the likeliest tokens are told with each token; null: not even its own score.</summary>
    public int? Alternatives { get; init; }
}

/// <summary>A token that was made.</summary>
/// <param name="Probability">Of this token, at temperature 1, among those that might come.</param>
/// <param name="LogProbability">Its logarithm; told where alternatives were asked for.</param>
/// <param name="Alternatives">The likeliest tokens with their log-probabilities, the likeliest first; null where none were asked for.</param>
public readonly record struct MadeToken(int Id, float Probability, float? LogProbability = null, IReadOnlyList<(int Id, float LogProbability)>? Alternatives = null);

/// <summary>What became of a request.</summary>
/// <param name="Ended">A token ended it; else the limit of tokens, the end of a grammar or whoever asked did.</param>
/// <param name="EndProbability">Of that token, or null.</param>
/// <param name="Waited">From the request until its computation began.</param>
/// <param name="Computed">From then on.</param>
/// <param name="Energy">Its share of the steps that it was part of, by tokens.</param>
/// <param name="Known">Tokens of the prompt whose keys and values were there already.</param>
public sealed record SequenceResult(bool Ended, float? EndProbability, TimeSpan Waited, TimeSpan Computed, EnergyUse Energy, int Known = 0);
