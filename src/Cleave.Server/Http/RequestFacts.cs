using System.Diagnostics;
using Cleave.Serving;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>What is known about a request while it is handled, for logs and metrics: never what it says or is answered.</summary>
internal sealed class RequestFacts
{
    private const int MostIdLength = 64;

    private readonly Lock _gate = new();
    private bool _promptCounted;

    public Caller Caller { get; set; } = new((Keys.ApiKey?)null);

    /// <summary>What was asked for; null where no module was.</summary>
    public string? Model { get; set; }

    /// <summary>Who answered, once that is known; of several answers any.</summary>
    public ModuleChoice? Choice { get; set; }

    /// <summary>Answers that are whole.</summary>
    public int Answers { get; private set; }

    /// <summary>Tokens that were read: once for all answers to a prompt, but of every text that was judged.</summary>
    public int PromptTokens { get; private set; }

    /// <summary>Tokens of all answers.</summary>
    public int CompletionTokens { get; private set; }

    /// <summary>From the request's admission until its turn came; of several answers the longest.</summary>
    public TimeSpan? Waited { get; private set; }

    /// <summary>From then on; of several answers the longest.</summary>
    public TimeSpan Compute { get; private set; }

    public long Started { get; } = Stopwatch.GetTimestamp();

    /// <summary>The turn of an answer has come; safe from several threads, as all that follows.</summary>
    /// <returns>Whether it is the first of the request's answers.</returns>
    public bool Begun(TimeSpan waited)
    {
        lock (_gate)
        {
            bool isFirst = Waited is null;
            Waited = Waited > waited ? Waited : waited;
            return isFirst;
        }
    }

    /// <summary>One of the answers to the request's prompt is whole.</summary>
    /// <returns>Whether it is the first, with which the prompt is counted.</returns>
    public bool Answered(ModuleResult result) => Add(result, isText: false);

    /// <summary>An answer has ended before it was whole, though its prompt was read.</summary>
    /// <returns>Whether the prompt is to be counted with it.</returns>
    public bool Broken()
    {
        lock (_gate)
            return CountsPrompt();
    }

    /// <summary>One of the request's texts has been judged.</summary>
    public void Judged(ModuleResult result) => Add(result, isText: true);

    private bool Add(ModuleResult result, bool isText)
    {
        lock (_gate)
        {
            bool counts = isText || CountsPrompt();
            Answers++;
            Choice = result.Choice;
            PromptTokens += counts ? result.PromptTokens : 0;
            CompletionTokens += result.CompletionTokens;
            Compute = Compute > result.Compute ? Compute : result.Compute;
            return counts;
        }
    }

    // Called under the lock.
    private bool CountsPrompt() => !_promptCounted && (_promptCounted = true);

    /// <exception cref="InvalidOperationException">The request has not come through the gate.</exception>
    public static RequestFacts Of(HttpContext context) =>
        context.Features.Get<RequestFacts>() ?? throw new InvalidOperationException("a request has gone around the gate");

    /// <summary>Begins a request: it is called what its header <c>x-request-id</c> says, where that is plain, else by a new name.</summary>
    public static RequestFacts Begin(HttpContext context)
    {
        string? said = context.Request.Headers["x-request-id"];
        context.TraceIdentifier = said is { Length: > 0 and <= MostIdLength } && said.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? said : Guid.NewGuid().ToString("N");
        var facts = new RequestFacts();
        context.Features.Set(facts);
        context.Response.Headers["x-request-id"] = context.TraceIdentifier;
        return facts;
    }
}
