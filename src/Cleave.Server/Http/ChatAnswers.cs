using System.Text.Json;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Server.Http;

/// <summary>Chat completions.</summary>
internal sealed class ChatAnswers(long created) : Answers($"chatcmpl-{Guid.NewGuid():N}", created)
{
    public override byte[] Whole(IReadOnlyList<ModuleResult> results) => JsonSerializer.SerializeToUtf8Bytes(
        new ChatCompletion(Id, "chat.completion", Created, results[0].Choice.Module,
            [.. results.Select((r, i) => new ChatChoice(i, Message(r), Finish(r), Scores(r.Tokens)))], Usage(results)), ApiJson.Api.ChatCompletion);

    public override byte[]? First(ModuleChoice choice, int index) => Chunk(choice, new ChunkChoice(index, new Delta("assistant", "")));

    public override byte[] Piece(ModuleChoice choice, int index, string text, IReadOnlyList<TokenScore>? tokens) =>
        Chunk(choice, new ChunkChoice(index, new Delta(Content: text), null, Scores(tokens)));

    public override byte[] Call(ModuleChoice choice, int index, ToolCallPiece piece) => Chunk(choice, new ChunkChoice(index,
        new Delta(ToolCalls: [new CallDocument(piece.Index, piece.Id, piece.Id is null ? null : "function", new CalledFunction(piece.Name, piece.Arguments))])));

    public override byte[] Last(ModuleResult result, int index, IReadOnlyList<TokenScore>? tokens) =>
        Chunk(result.Choice, new ChunkChoice(index, new Delta(), Finish(result), tokens is { Count: > 0 } ? Scores(tokens) : null), null, AnswerHeaders.Facts([result]));

    public override byte[] Counts(IReadOnlyList<ModuleResult> results) => Chunk(results[0].Choice, null, Usage(results));

    // Of an answer that only calls functions there are no words, rather than empty ones.
    private static ChatText Message(ModuleResult result) => new("assistant", result.Text.Length == 0 && result.ToolCalls.Count > 0 ? null : result.Text,
        result.ToolCalls.Count == 0 ? null : [.. result.ToolCalls.Select(c => new CallDocument(null, c.Id, "function", new CalledFunction(c.Name, c.Arguments)))]);

    private static ChatScores? Scores(IReadOnlyList<TokenScore>? tokens) => tokens is null ? null
        : new ChatScores([.. tokens.Select(t => new ChatScore(t.Text, Finite(t.LogProbability), Bytes(t), [.. t.Alternatives.Select(a => new ChatAlternative(a.Text, Finite(a.LogProbability), Bytes(a)))]))]);

    private static int[] Bytes(TokenScore token) => Array.ConvertAll(token.Bytes, b => (int)b);

    // JSON has no infinity; OpenAI writes this in its place.
    internal static float Finite(float logProbability) => MathF.Max(logProbability, -9999);

    private byte[] Chunk(ModuleChoice choice, ChunkChoice? part, Usage? usage = null, StreamFacts? facts = null) => JsonSerializer.SerializeToUtf8Bytes(
        new ChatChunk(Id, "chat.completion.chunk", Created, choice.Module, part is null ? [] : [part], usage, facts), ApiJson.Api.ChatChunk);
}
