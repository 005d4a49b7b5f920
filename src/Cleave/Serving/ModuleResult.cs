using Cleave.Evaluation.Energy;
using Cleave.Serving.Pipelines;
using Cleave.Serving.Tools;

namespace Cleave.Serving;

/// <summary>Why an answer ended.</summary>
public enum FinishReason
{
    /// <summary>It was complete, or a stop text came.</summary>
    Stop,

    /// <summary>The limit of tokens, or the end of the context.</summary>
    Length,

    /// <summary>It calls functions, and waits for what they give.</summary>
    ToolCalls,
}

/// <summary>An answer.</summary>
/// <param name="Text">The label of a classifier, the text of a generator, the spans of an extractor as JSON.</param>
/// <param name="PromptTokens">Tokens that were read.</param>
/// <param name="CompletionTokens">Tokens that were made; 1 for an answer that is not made token by token.</param>
/// <param name="Confidence">Calibrated, in [0, 1], where the module has one.</param>
/// <param name="Compute">From when its computation began, together with that of others.</param>
public sealed record ModuleResult(
    ModuleChoice Choice, string Text, FinishReason Finish, int PromptTokens, int CompletionTokens, double? Confidence, TimeSpan Compute)
{
    /// <summary>What each step of a pipeline came to, in the order of the pipeline; empty for one module's answer.</summary>
    public IReadOnlyList<StepResult> Steps { get; init; } = [];

    /// <summary>How long the host let it wait before that.</summary>
    public TimeSpan Waited { get; init; }

    /// <summary>Tokens of the prompt that were known from earlier requests and not read again.</summary>
    public int CachedTokens { get; init; }

    /// <summary>Its share of the energy of the passes that it was part of; null where nobody counted.</summary>
    public EnergyUse? Energy { get; init; }

    /// <summary>The functions that the answer calls, in its order; the text is then what it says besides.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>The tokens that were made, where their scores were asked for (<see cref="ModuleRequest.LogProbabilities"/>).</summary>
    public IReadOnlyList<TokenScore>? Tokens { get; init; }
}
