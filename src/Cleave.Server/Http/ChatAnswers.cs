using System.Text.Json;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>Chat completions.</summary>
internal sealed class ChatAnswers(long created) : Answers($"chatcmpl-{Guid.NewGuid():N}", created)
{
    public override byte[] Whole(IReadOnlyList<ModuleResult> results) => JsonSerializer.SerializeToUtf8Bytes(
        new ChatCompletion(Id, "chat.completion", Created, results[0].Choice.Module,
            [.. results.Select((r, i) => new ChatChoice(i, new ChatText("assistant", r.Text), Finish(r), Scores(r.Tokens)))], Usage(results)), ApiJson.Api.ChatCompletion);

    public override byte[]? First(ModuleChoice choice, int index) => Chunk(choice, new ChunkChoice(index, new Delta("assistant", "")));

    public override byte[] Piece(ModuleChoice choice, int index, string text, IReadOnlyList<TokenScore>? tokens) =>
        Chunk(choice, new ChunkChoice(index, new Delta(Content: text), null, Scores(tokens)));

    public override byte[] Last(ModuleResult result, int index, IReadOnlyList<TokenScore>? tokens) =>
        Chunk(result.Choice, new ChunkChoice(index, new Delta(), Finish(result), tokens is { Count: > 0 } ? Scores(tokens) : null), null, AnswerHeaders.Facts([result]));

    public override byte[] Counts(IReadOnlyList<ModuleResult> results) => Chunk(results[0].Choice, null, Usage(results));

    private static ChatScores? Scores(IReadOnlyList<TokenScore>? tokens) => tokens is null ? null
        : new ChatScores([.. tokens.Select(t => new ChatScore(t.Text, Finite(t.LogProbability), Bytes(t), [.. t.Alternatives.Select(a => new ChatAlternative(a.Text, Finite(a.LogProbability), Bytes(a)))]))]);

    private static int[] Bytes(TokenScore token) => Array.ConvertAll(token.Bytes, b => (int)b);

    // JSON has no infinity; OpenAI writes this in its place.
    internal static float Finite(float logProbability) => MathF.Max(logProbability, -9999);

    private byte[] Chunk(ModuleChoice choice, ChunkChoice? part, Usage? usage = null, StreamFacts? facts = null) => JsonSerializer.SerializeToUtf8Bytes(
        new ChatChunk(Id, "chat.completion.chunk", Created, choice.Module, part is null ? [] : [part], usage, facts), ApiJson.Api.ChatChunk);
}
