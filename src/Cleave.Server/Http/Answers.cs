using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>The documents of one answer: chat and plain completions differ in nothing else.</summary>
/// <param name="id">Unique to this answer.</param>
/// <param name="created">Seconds since 1970.</param>
internal abstract class Answers(string id, long created)
{
    protected string Id { get; } = id;
    protected long Created { get; } = created;

    /// <summary>The whole answer at once.</summary>
    public abstract byte[] Whole(ModuleResult result);

    /// <summary>The first event of a stream, or null where none is needed.</summary>
    public abstract byte[]? First(ModuleChoice choice);

    public abstract byte[] Piece(ModuleChoice choice, string text);

    public abstract byte[] Last(ModuleResult result);

    /// <summary>The counts of tokens at a stream's end.</summary>
    public abstract byte[] Counts(ModuleResult result);

    protected static string Finish(ModuleResult result) => result.Finish == FinishReason.Length ? "length" : "stop";

    protected static StreamFacts Facts(ModuleResult result) => new(Math.Round(result.Compute.TotalMilliseconds, 3), result.Confidence);

    protected static Usage Usage(ModuleResult r) => new(r.PromptTokens, r.CompletionTokens, r.PromptTokens + r.CompletionTokens);
}
