using Cleave.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Cleave.Server.Http;

/// <summary>Answers completion requests, whole or as server-sent events.</summary>
internal sealed class CompletionEndpoint(IModuleHost host, Admission admission, WorkQueue queue, int mostTokens, TimeProvider clock)
{
    public const string ModuleHeader = "x-cleave-module", TaskHeader = "x-cleave-task", RouteHeader = "x-cleave-route", ConfidenceHeader = "x-cleave-confidence",
        ComputeHeader = "x-cleave-compute-ms";

    public Task Chat(HttpContext context) => Handle(context, RequestReader.Chat, new ChatAnswers(Now));

    public Task Text(HttpContext context) => Handle(context, RequestReader.Text, new TextAnswers(Now));

    private long Now => clock.GetUtcNow().ToUnixTimeSeconds();

    private async Task Handle(HttpContext context, Func<System.Text.Json.JsonElement, int, ApiRequest> read, Answers answers)
    {
        CancellationToken cancel = context.RequestAborted;
        ApiRequest request;
        using (Body body = await Body.ReadAsync(context.Request, cancel))
            request = read(body.Root, mostTokens);
        CheckModel(request.Request.Module);
        var running = new RunningRequest(admission.Admit(context, request.Request.Module), request.Request, request.Grammar, cancel);
        if (!queue.TryAdd(running.Run))
            throw ApiException.Busy(queue.RetryAfterSeconds);
        if (request.Stream)
            await Stream(context.Response, running, answers, request.IncludeUsage, cancel);
        else
            await Whole(context.Response, running, answers, cancel);
    }

    private static async Task Whole(HttpResponse response, RunningRequest running, Answers answers, CancellationToken cancel)
    {
        ModuleResult result = await running.Result;
        SetChoice(response, result.Choice);
        response.Headers[ComputeHeader] = $"{result.Compute.TotalMilliseconds:0.###}";
        if (result.Confidence is { } confidence)
            response.Headers[ConfidenceHeader] = $"{confidence:0.0000}";
        await JsonAnswer.Write(response, 200, answers.Whole(result), cancel);
    }

    // Until the module is chosen an error is an ordinary answer; after that it is an event of the stream. What is only
    // known at the end cannot be a header: it is the member "cleave" of the last event.
    private static async Task Stream(HttpResponse response, RunningRequest running, Answers answers, bool counts, CancellationToken cancel)
    {
        ModuleChoice choice = await running.Chosen;
        SetChoice(response, choice);
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        if (answers.First(choice) is { } first)
            await JsonAnswer.Event(response, first, cancel);
        await foreach (string piece in running.Pieces.ReadAllAsync(cancel))
            await JsonAnswer.Event(response, answers.Piece(choice, piece), cancel);
        ModuleResult result = await running.Result;
        await JsonAnswer.Event(response, answers.Last(result), cancel);
        if (counts)
            await JsonAnswer.Event(response, answers.Counts(result), cancel);
        await JsonAnswer.Event(response, "[DONE]"u8.ToArray(), cancel);
    }

    // A wrong name is answered at once, not after a turn in the queue.
    private void CheckModel(string model)
    {
        bool known = model == ModuleRequest.Auto ? host.CanRoute : host.Modules.Any(m => m.Name == model);
        if (!known)
            throw new UnknownModuleException(model, host.Modules.Select(m => m.Name).Concat(host.CanRoute ? [ModuleRequest.Auto] : []));
    }

    // Names of modules come from project files: what HTTP does not allow in a header is escaped.
    private static void SetChoice(HttpResponse response, ModuleChoice choice)
    {
        response.Headers[ModuleHeader] = Uri.EscapeDataString(choice.Module);
        response.Headers[TaskHeader] = Uri.EscapeDataString(choice.Task);
        response.Headers[RouteHeader] = choice.Route switch
        {
            Route.Named => "named",
            Route.Router => "router",
            _ => "escalated",
        };
    }
}
