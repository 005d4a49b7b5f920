using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cleave.Server.Http;

internal sealed record ModelList(string Object, IReadOnlyList<ModelCard> Data);

internal sealed record ModelCard(string Id, string Object, long Created, string OwnedBy, string Kind, int? ContextLength);

internal sealed record ChatCompletion(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChatChoice> Choices, Usage Usage);

internal sealed record ChatChoice(int Index, ChatText Message, string FinishReason, ChatScores? Logprobs = null);

internal sealed record ChatScores(IReadOnlyList<ChatScore> Content);

internal sealed record ChatScore(string Token, float Logprob, int[] Bytes, IReadOnlyList<ChatAlternative> TopLogprobs);

internal sealed record ChatAlternative(string Token, float Logprob, int[] Bytes);

internal sealed record ChatText(
    string Role, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content, IReadOnlyList<CallDocument>? ToolCalls = null);

internal sealed record CallDocument(int? Index, string? Id, string? Type, CalledFunction Function);

internal sealed record CalledFunction(string? Name, string Arguments);

internal sealed record ChatChunk(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChunkChoice> Choices, Usage? Usage = null, StreamFacts? Cleave = null);

internal sealed record ChunkChoice(
    int Index, Delta Delta, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason = null, ChatScores? Logprobs = null);

internal sealed record Delta(string? Role = null, string? Content = null, IReadOnlyList<CallDocument>? ToolCalls = null);

internal sealed record TextCompletion(
    string Id, string Object, long Created, string Model, IReadOnlyList<TextChoice> Choices, Usage? Usage = null, StreamFacts? Cleave = null);

internal sealed record TextChoice(
    int Index, string Text, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason = null, TextScores? Logprobs = null);

internal sealed record TextScores(
    IReadOnlyList<string> Tokens, IReadOnlyList<float> TokenLogprobs, IReadOnlyList<Dictionary<string, float>> TopLogprobs, IReadOnlyList<int> TextOffset);

internal sealed record StreamFacts(double ComputeMs, double QueueMs, double? Confidence, double? Joules, string? Energy);

internal sealed record EmbeddingList(string Object, IReadOnlyList<EmbeddingItem> Data, string Model, ReadUsage Usage);

internal sealed record EmbeddingItem(string Object, int Index, JsonElement Embedding);

internal sealed record Judgements(string Object, string Model, IReadOnlyList<Judgement> Data, ReadUsage Usage);

internal sealed record Judgement(int Index, string? Label, JsonElement? Spans, double? Confidence, string Module, string Task, string Route);

internal sealed record ReadUsage(int PromptTokens, int TotalTokens);

internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptDetails? PromptTokensDetails = null);

internal sealed record PromptDetails(int CachedTokens);

internal sealed record ErrorBody(ErrorDetail Error);

internal sealed record ErrorDetail(
    string Message, string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);

internal sealed record Health(string Status, int Modules, int Waiting);

/// <summary>OpenAI's documents, written without reflection.</summary>
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(TextCompletion))]
[JsonSerializable(typeof(EmbeddingList))]
[JsonSerializable(typeof(Judgements))]
[JsonSerializable(typeof(float[]))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(Health))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>Snake case, nulls left out, text as it is.</summary>
    public static ApiJson Api { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
