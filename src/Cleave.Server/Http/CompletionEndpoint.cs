using System.Text.Json;
using System.Threading.Channels;
using Cleave.Serving;
using Cleave.Serving.Remote;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Cleave.Server.Http;

/// <summary>Answers completion requests, whole or as server-sent events.</summary>
internal sealed class CompletionEndpoint(IModuleHost host, Admission admission, WorkQueue queue, int mostTokens, TimeProvider clock)
{
    public Task Chat(HttpContext context) => Handle(context, RequestReader.Chat, new ChatAnswers(Now));

    public Task Text(HttpContext context) => Handle(context, RequestReader.Text, new TextAnswers(Now));

    private long Now => clock.GetUtcNow().ToUnixTimeSeconds();

    private async Task Handle(HttpContext context, Func<JsonElement, int, ApiRequest> read, Answers answers)
    {
        using var deadline = new Deadline(context, clock);
        ApiRequest request;
        using (Body body = await Body.ReadAsync(context.Request, context.RequestAborted))
            request = read(body.Root, mostTokens);
        request = request with { Request = request.Request with { Deadline = deadline.At } };
        CheckModel(host, RequestFacts.Of(context).Caller, request.Request.Module);
        IModuleHost admitted = admission.Admit(context, request.Request.Module);
        await deadline.Keep(cancel => Answer(context.Response, admitted, request, answers, cancel));
    }

    private async Task Answer(HttpResponse response, IModuleHost admitted, ApiRequest request, Answers answers, CancellationToken cancel)
    {
        // Not disposed of: an answer that nobody waits for any more may still look at it.
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var pieces = Channel.CreateUnbounded<AnswerPiece>(new UnboundedChannelOptions { SingleReader = true });
        RunningRequest[] running = [.. Enumerable.Range(0, request.Answers).Select(i => new RunningRequest(admitted,
            i == 0 ? request.Request : request.Request with { Seed = unchecked((request.Request.Seed ?? 0) + (ulong)i) }, request.Grammar, pieces.Writer, i, stop.Token))];
        try
        {
            foreach (RunningRequest each in running)
            {
                if (!queue.TryAdd(request.Request.Module, each.Run, stop.Token))
                    throw ApiException.Busy(queue.RetryAfterSeconds);
            }
            if (request.Stream)
                await Stream(response, running, pieces.Reader, answers, request, cancel);
            else
                await Whole(response, running, answers, cancel);
        }
        finally
        {
            await stop.CancelAsync(); // whatever is not over by now has nobody to wait for it
        }
    }

    private async Task Whole(HttpResponse response, RunningRequest[] running, Answers answers, CancellationToken cancel)
    {
        ModuleResult[] results = await Task.WhenAll(running.Select(r => r.Result)).WaitAsync(cancel);
        AnswerHeaders.SetChoice(response, [.. results.Select(r => r.Choice)], host.Version);
        AnswerHeaders.SetCost(response, results);
        await JsonAnswer.Write(response, 200, answers.Whole(results), cancel);
    }

    // Until the modules are chosen an error is an ordinary answer; after that it is an event of the stream. What is only
    // known at the end cannot be a header: it is the member "cleave" of an answer's last event.
    private async Task Stream(HttpResponse response, RunningRequest[] running, ChannelReader<AnswerPiece> pieces, Answers answers, ApiRequest request, CancellationToken cancel)
    {
        ModuleChoice[] choices = await Task.WhenAll(running.Select(r => r.Chosen)).WaitAsync(cancel);
        AnswerHeaders.SetChoice(response, choices, host.Version);
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        for (int i = 0; i < choices.Length; i++)
        {
            if (answers.First(choices[i], i) is { } first)
                await JsonAnswer.Event(response, first, cancel);
        }
        var results = new ModuleResult[running.Length];
        var told = new int[running.Length];
        for (int open = running.Length; open > 0;)
        {
            AnswerPiece piece = await pieces.ReadAsync(cancel);
            int i = piece.Source.Index;
            if (piece.Text is { } text)
            {
                told[i] += piece.Tokens?.Count ?? 0;
                await JsonAnswer.Event(response, answers.Piece(choices[i], i, text, piece.Tokens), cancel);
                continue;
            }
            if (piece.Call is { } call)
            {
                await JsonAnswer.Event(response, answers.Call(choices[i], i, call), cancel);
                continue;
            }
            results[i] = await piece.Source.Result;
            await JsonAnswer.Event(response, answers.Last(results[i], i, results[i].Tokens?.Skip(told[i]).ToArray()), cancel);
            open--;
        }
        if (request.IncludeUsage)
            await JsonAnswer.Event(response, answers.Counts(results), cancel);
        await JsonAnswer.Event(response, "[DONE]"u8.ToArray(), cancel);
    }

    /// <summary>A wrong name is answered at once, not after a turn in the queue, with the names that the caller may ask.</summary>
    /// <exception cref="UnknownModuleException">There is no such module.</exception>
    public static void CheckModel(IModuleHost host, Caller caller, string model)
    {
        // Of a remote module nothing may be known yet but its name.
        bool known = host is RemoteHost { Remotes: var remotes } && remotes.Knows(model) || (model == ModuleRequest.Auto ? host.CanRoute : host.Modules.Any(m => m.Name == model));
        if (!known)
            throw new UnknownModuleException(model, host.Modules.Select(m => m.Name).Concat(host.CanRoute ? [ModuleRequest.Auto] : []).Where(caller.MayAsk));
    }
}
