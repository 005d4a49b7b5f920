using Cleave.Models.Sampling.Grammars;
using Cleave.Serving.Tools;

namespace Cleave.Serving;

/// <summary>One request: a conversation or a plain text to continue.</summary>
public sealed record ModuleRequest
{
    /// <summary>In the place of a module's name: the router decides.</summary>
    public const string Auto = "auto";

    /// <summary>The module's name, or <see cref="Auto"/>.</summary>
    public required string Module { get; init; }

    /// <summary>The conversation, with at least one message of the user; empty where <see cref="Prompt"/> is given.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];

    /// <summary>The plain text, or null where <see cref="Messages"/> is given.</summary>
    public string? Prompt { get; init; }

    /// <summary>Most tokens to make; null: the module's own limit.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>0: always the most likely token; null: the module's own choice.</summary>
    public double? Temperature { get; init; }

    /// <summary>Only the most likely tokens whose probabilities add up to this; null: all.</summary>
    public double? TopP { get; init; }

    /// <summary>Seed of the sampling; null: a fixed one.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Texts that end the answer and are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>What the answer must look like; null for anything. Only what is made token by token can be kept to it.</summary>
    public Grammar? Grammar { get; init; }

    /// <summary>The functions that the answer may call; null for none. Only a model whose chat template has them can.</summary>
    public ToolUse? Tools { get; init; }

    /// <summary>Whether functions are spoken of: offered, called or answered.</summary>
    public bool HasTools => Tools is not null || Messages.Any(m => m.Role == ChatRole.Tool || m.ToolCalls.Count > 0);

    /// <summary>The same as OpenAI's <c>response_format</c> in JSON, for whoever passes the request on; null for anything.</summary>
    public string? ResponseFormat { get; init; }

    /// <summary>Whether nobody hears the answer before its end: until then it can be begun again elsewhere.</summary>
    public bool IsHeardWhole { get; init; }

    /// <summary>When nobody wants the answer any more; null: at no time. Whoever asks cancels by then; this is for whoever passes the request on.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>What the request is called in logs; the same one always comes to the same version of a trial. Null: it takes part in none.</summary>
    public string? Id { get; init; }

    /// <summary>How many of the likeliest tokens are told in each token's place, with their scores; null: no scores at all.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>What a module that takes one text is given: the prompt, or the last message of the user.</summary>
    public string Text => Prompt ?? Messages.LastOrDefault(m => m.Role == ChatRole.User)?.Content ?? "";
}
