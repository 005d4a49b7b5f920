using System.Text.Json;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>Chat completions.</summary>
internal sealed class ChatAnswers(long created) : Answers($"chatcmpl-{Guid.NewGuid():N}", created)
{
    public override byte[] Whole(ModuleResult result) => JsonSerializer.SerializeToUtf8Bytes(
        new ChatCompletion(Id, "chat.completion", Created, result.Choice.Module,
            [new ChatChoice(0, new ChatText("assistant", result.Text), Finish(result))], Usage(result)), ApiJson.Api.ChatCompletion);

    public override byte[]? First(ModuleChoice choice) => Chunk(choice, new ChunkChoice(0, new Delta("assistant", "")));

    public override byte[] Piece(ModuleChoice choice, string text) => Chunk(choice, new ChunkChoice(0, new Delta(Content: text)));

    public override byte[] Last(ModuleResult result) => Chunk(result.Choice, new ChunkChoice(0, new Delta(), Finish(result)), null, Facts(result));

    public override byte[] Counts(ModuleResult result) => Chunk(result.Choice, null, Usage(result));

    private byte[] Chunk(ModuleChoice choice, ChunkChoice? part, Usage? usage = null, StreamFacts? facts = null) => JsonSerializer.SerializeToUtf8Bytes(
        new ChatChunk(Id, "chat.completion.chunk", Created, choice.Module, part is null ? [] : [part], usage, facts), ApiJson.Api.ChatChunk);
}
