using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Server.Http;

/// <summary>The documents of one request's answers: chat and plain completions differ in nothing else.</summary>
/// <param name="id">Unique to this request.</param>
/// <param name="created">Seconds since 1970.</param>
internal abstract class Answers(string id, long created)
{
    protected string Id { get; } = id;
    protected long Created { get; } = created;

    /// <summary>All answers, whole.</summary>
    public abstract byte[] Whole(IReadOnlyList<ModuleResult> results);

    /// <summary>The first event of an answer's stream, or null where none is needed.</summary>
    public abstract byte[]? First(ModuleChoice choice, int index);

    /// <param name="tokens">Those of the piece, where their scores were asked for.</param>
    public abstract byte[] Piece(ModuleChoice choice, int index, string text, IReadOnlyList<TokenScore>? tokens);

    /// <summary>A piece of a call of a function.</summary>
    public abstract byte[] Call(ModuleChoice choice, int index, ToolCallPiece piece);

    /// <param name="tokens">Those that no piece told, where their scores were asked for.</param>
    public abstract byte[] Last(ModuleResult result, int index, IReadOnlyList<TokenScore>? tokens);

    /// <summary>The counts of tokens at a stream's end.</summary>
    public abstract byte[] Counts(IReadOnlyList<ModuleResult> results);

    /// <summary>Why an answer ended, as OpenAI calls it.</summary>
    public static string Finish(ModuleResult result) => result.Finish switch
    {
        FinishReason.Length => "length",
        FinishReason.ToolCalls => "tool_calls",
        _ => "stop",
    };

    /// <summary>A prompt is counted once, however many answers it has.</summary>
    protected static Usage Usage(IReadOnlyList<ModuleResult> results)
    {
        int prompt = results[0].PromptTokens, made = results.Sum(r => r.CompletionTokens), cached = results.Min(r => r.CachedTokens);
        return new Usage(prompt, made, prompt + made, cached > 0 ? new PromptDetails(cached) : null);
    }
}
