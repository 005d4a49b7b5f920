using System.Text;
using System.Text.Json;
using Cleave.Data;
using Cleave.Json;

namespace Cleave.Serving.Remote;

/// <summary>Answers in the words of OpenAI's HTTP interface, read with suspicion.</summary>
internal static class RemoteAnswers
{
    /// <exception cref="ModelFileException">It is no such answer.</exception>
    public static ModuleResult Whole(JsonCursor root, bool isChat, RemoteFacts facts)
    {
        JsonCursor choice = First(root);
        IReadOnlyList<TokenScore>? tokens = Scores(choice, isChat);
        string text = isChat ? choice["message"]["content"].Text() : choice["text"].Text();
        return Result(facts, text, Finish(choice) ?? throw choice.Error("has no finish_reason"), root["usage"], tokens);
    }

    /// <param name="usage">The document's counts, or null where it has none.</param>
    public static ModuleResult Result(RemoteFacts facts, string text, FinishReason finish, JsonCursor? usage, IReadOnlyList<TokenScore>? tokens) =>
        new(facts.Choice, text, finish, usage?["prompt_tokens"].Int(0) ?? 0, usage?["completion_tokens"].Int(0) ?? 0, facts.Confidence, facts.Compute)
        {
            Waited = facts.Waited,
            Energy = facts.Energy,
            CachedTokens = usage?.Find("prompt_tokens_details")?.Find("cached_tokens")?.Int(0) ?? 0,
            Tokens = tokens,
        };

    /// <summary>The one answer that was asked for.</summary>
    public static JsonCursor First(JsonCursor root) => root["choices"].Items().FirstOrDefault() ?? throw root["choices"].Error("holds no answer");

    /// <summary>The text of a stream's event; empty where it has none.</summary>
    public static string Piece(JsonCursor choice, bool isChat) => (isChat ? choice["delta"].Find("content") : choice.Find("text"))?.Text() ?? "";

    /// <returns>Null where it goes on.</returns>
    public static FinishReason? Finish(JsonCursor choice) => choice.Find("finish_reason")?.Text() switch
    {
        null => null,
        "length" => FinishReason.Length,
        "stop" => FinishReason.Stop,
        var other => throw choice["finish_reason"].Error($"is '{other}', which is no reason known here"),
    };

    /// <returns>Null where no scores are told.</returns>
    public static IReadOnlyList<TokenScore>? Scores(JsonCursor choice, bool isChat)
    {
        if (choice.Find("logprobs") is not { } told)
            return null;
        return isChat ? [.. told["content"].Items().Select(t => Score(t, [.. t["top_logprobs"].Items().Select(a => Score(a, []))]))] : TextScores(told);
    }

    /// <summary>Checks what only judges of texts promise: spans are JSON.</summary>
    /// <exception cref="ModelFileException">They are not.</exception>
    public static void CheckForm(ModuleResult result, TaskKind? kind, string server)
    {
        if (kind != TaskKind.Extract)
            return;
        try
        {
            FoundSpan.Read(result.Text);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new ModelFileException(server, "the answer of a module that extracts is no list of spans");
        }
    }

    /// <summary>One vector a text.</summary>
    /// <exception cref="ModelFileException">It is no such answer.</exception>
    public static IReadOnlyList<(float[] Vector, int Tokens)> Vectors(JsonCursor root, int texts)
    {
        JsonCursor[] items = [.. root["data"].Items()];
        if (items.Length != texts)
            throw root["data"].Error($"holds {items.Length} vectors for {texts} texts");
        int tokens = root["usage"]["prompt_tokens"].Int(0);
        var made = new (float[] Vector, int Tokens)[texts];
        foreach (JsonCursor item in items)
        {
            int index = item["index"].Int(0, texts - 1);
            if (made[index].Vector is not null)
                throw item["index"].Error("comes twice");
            // Only the sum of the tokens is told.
            made[index] = ([.. item["embedding"].Items().Select(v => (float)v.Number())], tokens / texts + (index < tokens % texts ? 1 : 0));
        }
        if (made.Any(m => m.Vector.Length == 0 || m.Vector.Length != made[0].Vector.Length))
            throw root["data"].Error("holds vectors of different lengths");
        return made;
    }

    private static TokenScore Score(JsonCursor token, TokenScore[] alternatives)
    {
        string text = token["token"].Text();
        byte[] bytes = token.Find("bytes") is { } told ? [.. told.Items().Select(b => (byte)b.Int(0, 255))] : Encoding.UTF8.GetBytes(text);
        return new TokenScore(text, bytes, (float)token["logprob"].Number(), alternatives);
    }

    private static TokenScore[] TextScores(JsonCursor told)
    {
        JsonCursor[] tokens = [.. told["tokens"].Items()], chances = [.. told["token_logprobs"].Items()], likely = [.. told["top_logprobs"].Items()];
        if (chances.Length != tokens.Length || likely.Length != tokens.Length)
            throw told.Error($"has {tokens.Length} tokens, {chances.Length} scores and {likely.Length} lists of others");
        return [.. tokens.Select((t, i) => Plain(t.Text(), chances[i].Number(), [.. likely[i].Members().Select(a => Plain(a.Name, a.Value.Number(), []))]))];
    }

    private static TokenScore Plain(string text, double chance, TokenScore[] alternatives) => new(text, Encoding.UTF8.GetBytes(text), (float)chance, alternatives);
}
