using System.Text.Json;
using System.Text.Json.Serialization;
using Cleave.Server.Admin;
using Cleave.Server.Http;
using Cleave.Serving.Feedback;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Feedback;

internal sealed record Judged(string Object, string Request, string Task, double Score);

internal sealed record FeedbackDocument(double? Risk, double? Step, IReadOnlyList<FeedbackTask> Tasks);

internal sealed record FeedbackTask(string Version, string Task, double Floor, double Threshold, long Judged, double MeanLoss, string Why);

/// <summary>Takes judgements of answers, and tells administrators what has followed from them.</summary>
internal sealed class FeedbackEndpoint(AnsweredRequests? answered, FeedbackLog? log, EscalationControl? control)
{
    public const string StatePath = AdminEndpoints.Prefix + "/feedback";
    private const int MostCorrection = 1 << 16;

    public async Task Judge(HttpContext context)
    {
        using Body body = await Body.ReadAsync(context.Request, context.RequestAborted);
        foreach (JsonProperty member in body.Root.EnumerateObject())
        {
            if (member.Name is not ("request" or "good" or "score" or "correction"))
                throw ApiException.Invalid($"the parameter '{member.Name}' is not supported", member.Name, "unsupported_parameter");
        }
        if (answered is null || log is null)
            throw new ApiException(403, "permission_error", "this server takes no judgements; start it with --feedback FILE", code: "feedback_disabled");
        string id = Body.Text(Body.Find(body.Root, "request") ?? throw ApiException.Invalid("'request' is missing: say the answer's x-request-id", "request"), "request");
        double score = Score(body.Root);
        string? correction = Body.Find(body.Root, "correction") is { } c ? Body.Text(c, "correction") : null;
        if (correction?.Length > MostCorrection)
            throw ApiException.Invalid($"'correction' has {correction.Length} characters, but may have {MostCorrection}", "correction");
        AnsweredRequest answer = answered.Take(id, RequestFacts.Of(context).Caller.Name, out bool known) ?? throw (known
            ? new ApiException(409, "invalid_request_error", "this request has been judged before, or has several answers of which none can be meant", "request", "not_judgeable")
            : new ApiException(404, "invalid_request_error", $"no request of this name is among the last {AnsweredRequests.Usual} that were answered here", "request", "request_not_found"));
        try
        {
            log.Judge(id, answer, score, correction);
        }
        catch (CleaveException e)
        {
            answered.Return(id, answer);
            throw new ApiException(503, "server_error", $"nothing was noted: {e.Message}", code: "feedback_log_failed");
        }
        await JsonAnswer.Write(context.Response, 200, JsonSerializer.SerializeToUtf8Bytes(new Judged("feedback", id, answer.Task, score), FeedbackJson.Default.Judged), context.RequestAborted);
    }

    public Task Show(HttpContext context) => JsonAnswer.Write(context.Response, 200, JsonSerializer.SerializeToUtf8Bytes(
        new FeedbackDocument(control?.Risk, control?.Step, [.. (control?.State ?? []).Select(s => Document(s, control!))]), FeedbackJson.Default.FeedbackDocument), context.RequestAborted);

    private static FeedbackTask Document(EscalationState s, EscalationControl control) =>
        new(s.Version, s.Task, s.Floor, Math.Round(s.Threshold, 6), s.Judged, Math.Round(s.MeanLoss, 6), Why(s, control));

    private static string Why(EscalationState s, EscalationControl control) => s.Judged == 0 ? "nobody has judged an answer yet: the release's own threshold"
        : s.Threshold <= s.Floor ? "answers are good enough for the release's own threshold, below which it does not go"
        : s.Threshold > 1 ? "the module's answers were too bad: the monolith answers everything, until good judgements of its answers let the module try again"
        : $"of {s.Judged} judged answers {s.MeanLoss:0.###} were lost on average, and {control.Risk:0.###} may be: the module has to be surer than the release asks";

    private static double Score(JsonElement root)
    {
        JsonElement? good = Body.Find(root, "good"), score = Body.Find(root, "score");
        return (good, score) switch
        {
            ({ } g, null) => Body.Flag(g, "good") ? 1 : 0,
            (null, { } s) => Body.Number(s, "score", 0, 1),
            _ => throw ApiException.Invalid("say either 'good', true or false, or 'score', from 0 to 1", "good"),
        };
    }
}

/// <summary>The documents of <see cref="FeedbackEndpoint"/>, written without reflection.</summary>
[JsonSerializable(typeof(Judged))]
[JsonSerializable(typeof(FeedbackDocument))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class FeedbackJson : JsonSerializerContext;
