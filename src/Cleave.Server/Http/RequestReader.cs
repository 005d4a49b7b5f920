using System.Text.Json;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>A checked request.</summary>
/// <param name="Grammar">Makes what the answer must look like; null for anything.</param>
/// <param name="Stream">Whether the answer is sent piece by piece.</param>
/// <param name="IncludeUsage">Whether a stream ends with the counts of tokens.</param>
/// <param name="Answers">How many answers are made, each with the next seed.</param>
internal sealed record ApiRequest(ModuleRequest Request, Func<CancellationToken, Grammar>? Grammar, bool Stream, bool IncludeUsage, int Answers);

/// <summary>Turns the body of a completion request into a <see cref="ModuleRequest"/>; nothing is silently ignored.</summary>
internal static class RequestReader
{
    private const int MaxStops = 4, MaxStopLength = 256, MostAnswers = 16, MostChatAlternatives = 20, MostTextAlternatives = 5;

    // Said for bookkeeping only: they change no answer.
    private static readonly string[] Ignored =
        ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"];

    public static ApiRequest Chat(JsonElement root, int mostTokens)
    {
        CheckNames(root, "messages", "max_completion_tokens", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls");
        JsonElement messages = Body.Find(root, "messages") ?? throw ApiException.Invalid("'messages' is missing", "messages");
        return Read(root, mostTokens, new ModuleRequest
        {
            Module = Model(root),
            Messages = MessageReader.Read(messages),
            LogProbabilities = ChatScores(root),
            Tools = ToolsReader.Read(root),
        });
    }

    public static ApiRequest Text(JsonElement root, int mostTokens)
    {
        CheckNames(root, "prompt", "best_of", "echo", "suffix");
        JsonElement prompt = Body.Find(root, "prompt") ?? throw ApiException.Invalid("'prompt' is missing", "prompt");
        if (prompt.ValueKind == JsonValueKind.Array)
        {
            prompt = prompt.GetArrayLength() == 1 && prompt[0].ValueKind == JsonValueKind.String ? prompt[0]
                : throw ApiException.Invalid("'prompt' must be one string; several prompts and lists of tokens are not supported", "prompt");
        }
        return Read(root, mostTokens, new ModuleRequest { Module = Model(root), Prompt = Body.Text(prompt, "prompt"), LogProbabilities = TextScores(root) });
    }

    private static ApiRequest Read(JsonElement root, int mostTokens, ModuleRequest request)
    {
        CheckNeutral(root);
        bool stream = Body.Find(root, "stream") is { } s && Body.Flag(s, "stream");
        int answers = Body.Find(root, "n") is { } n ? Body.Whole(n, "n", 1, MostAnswers) : 1;
        JsonElement? limit = Body.Find(root, "max_completion_tokens");
        string limitName = limit is null ? "max_tokens" : "max_completion_tokens";
        limit ??= Body.Find(root, "max_tokens");
        JsonElement? format = Body.Find(root, "response_format");
        return new ApiRequest(request with
        {
            IsHeardWhole = !stream,
            ResponseFormat = format?.GetRawText(),
            MaxTokens = limit is { } m ? Body.Whole(m, limitName, 1, mostTokens) : null,
            Temperature = Body.Find(root, "temperature") is { } t ? Body.Number(t, "temperature", 0, 2) : null,
            TopP = Body.Find(root, "top_p") is { } p ? TopP(p) : null,
            Seed = Body.Find(root, "seed") is { } seed ? Seed(seed) : null,
            Stop = Body.Find(root, "stop") is { } stop ? Stops(stop) : [],
        }, format is { } form ? ResponseFormat.Read(form) : null, stream, StreamOptions(root, stream), answers);
    }

    /// <summary>The module that is asked.</summary>
    /// <exception cref="ApiException">It is not said.</exception>
    public static string Model(JsonElement root)
    {
        string model = Body.Text(Body.Find(root, "model") ?? throw ApiException.Invalid("'model' is missing: name a module, or 'auto'", "model"), "model");
        return model.Length > 0 ? model : throw ApiException.Invalid("'model' is empty: name a module, or 'auto'", "model");
    }

    // A name that means nothing here is refused: whoever sent it expects it to do something.
    private static void CheckNames(JsonElement root, params string[] own)
    {
        string[] known = ["model", "stream", "stream_options", "max_tokens", "temperature", "top_p", "seed", "stop", "n",
            "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "response_format", .. own, .. Ignored];
        foreach (JsonProperty member in root.EnumerateObject())
        {
            if (!known.Contains(member.Name) && member.Value.ValueKind != JsonValueKind.Null)
                throw ApiException.Invalid($"the parameter '{member.Name}' is not supported", member.Name, "unsupported_parameter");
        }
    }

    // What is offered only in its neutral setting.
    private static void CheckNeutral(JsonElement root)
    {
        Neutral(root, "best_of", "every answer is given: best_of must be 1; ask for several with n", v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n) && n == 1);
        Neutral(root, "presence_penalty", "presence_penalty is not supported: leave it at 0", IsZero);
        Neutral(root, "frequency_penalty", "frequency_penalty is not supported: leave it at 0", IsZero);
        Neutral(root, "logit_bias", "logit_bias is not supported: leave it empty", v => v.ValueKind == JsonValueKind.Object && !v.EnumerateObject().Any());
        Neutral(root, "echo", "echo is not supported", v => v.ValueKind == JsonValueKind.False);
        Neutral(root, "suffix", "suffix is not supported", v => v.ValueKind == JsonValueKind.String && v.ValueEquals(""));
    }

    private static void Neutral(JsonElement root, string name, string message, Func<JsonElement, bool> isNeutral)
    {
        if (Body.Find(root, name) is { } value && !isNeutral(value))
            throw ApiException.Invalid(message, name, "unsupported_value");
    }

    private static bool IsZero(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double d) && d == 0;

    private static int? ChatScores(JsonElement root)
    {
        bool scores = Body.Find(root, "logprobs") is { } asked && Body.Flag(asked, "logprobs");
        if (Body.Find(root, "top_logprobs") is not { } top)
            return scores ? 0 : null;
        int count = Body.Whole(top, "top_logprobs", 0, MostChatAlternatives);
        return scores ? count : throw ApiException.Invalid("'top_logprobs' is for scores: set 'logprobs' to true", "top_logprobs");
    }

    private static int? TextScores(JsonElement root) =>
        Body.Find(root, "logprobs") is not { } asked || asked.ValueKind == JsonValueKind.False ? null : Body.Whole(asked, "logprobs", 0, MostTextAlternatives);

    private static double TopP(JsonElement value)
    {
        double p = Body.Number(value, "top_p", 0, 1);
        return p > 0 ? p : throw ApiException.Invalid("'top_p' is 0, but must be above it", "top_p");
    }

    private static ulong Seed(JsonElement value) =>
        value.ValueKind != JsonValueKind.Number ? throw Body.Wrong("seed", "a whole number", value)
        : value.TryGetInt64(out long signed) ? unchecked((ulong)signed)
        : value.TryGetUInt64(out ulong seed) ? seed
        : throw ApiException.Invalid($"'seed' is {value.GetRawText()}, but must be a whole number of 64 bits", "seed");

    private static bool StreamOptions(JsonElement root, bool stream)
    {
        if (Body.Find(root, "stream_options") is not { } options)
            return false;
        if (options.ValueKind != JsonValueKind.Object)
            throw Body.Wrong("stream_options", "an object", options);
        if (!stream)
            throw ApiException.Invalid("'stream_options' is for streams: set 'stream' to true", "stream_options");
        return Body.Find(options, "include_usage") is { } usage && Body.Flag(usage, "stream_options.include_usage");
    }

    private static string[] Stops(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
            return [Stop(value, "stop")];
        if (value.ValueKind != JsonValueKind.Array)
            throw Body.Wrong("stop", "a string or an array of strings", value);
        if (value.GetArrayLength() > MaxStops)
            throw ApiException.Invalid($"'stop' has {value.GetArrayLength()} texts, but at most {MaxStops} are allowed", "stop");
        return [.. value.EnumerateArray().Select((v, i) => Stop(v, $"stop[{i}]"))];
    }

    private static string Stop(JsonElement value, string path)
    {
        string stop = Body.Text(value, path);
        return stop.Length is > 0 and <= MaxStopLength ? stop
            : throw ApiException.Invalid($"'{path}' has {stop.Length} characters, but must have 1 to {MaxStopLength}", path);
    }
}
