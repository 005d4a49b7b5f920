using System.Diagnostics;
using Cleave.Serving;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>What is known about a request while it is handled, for logs and metrics: never what it says or is answered.</summary>
internal sealed class RequestFacts
{
    private const int MostIdLength = 64;

    public Caller Caller { get; set; } = new((Keys.ApiKey?)null);

    /// <summary>What was asked for; null where no module was.</summary>
    public string? Model { get; set; }

    /// <summary>Who answered, once that is known.</summary>
    public ModuleChoice? Choice { get; set; }

    /// <summary>The answer, once it is whole.</summary>
    public ModuleResult? Result { get; set; }

    /// <summary>From the request's arrival until its turn came.</summary>
    public TimeSpan? Waited { get; set; }

    public long Started { get; } = Stopwatch.GetTimestamp();

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
