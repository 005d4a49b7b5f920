using System.Diagnostics;
using Cleave.Server.Feedback;
using Cleave.Server.Observation;
using Cleave.Serving;
using Cleave.Serving.Remote;
using Cleave.Serving.Versions;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>Lets a request at the modules: what its key may ask is checked, and what becomes of it is counted.</summary>
/// <param name="answered">Remembers answers that may be judged; null: nobody does.</param>
internal sealed class Admission(IModuleHost host, Telemetry telemetry, AnsweredRequests? answered)
{
    /// <returns>The host for this one request: where there are several versions, the one that answers all of it.</returns>
    /// <exception cref="ApiException">The key is not for this module.</exception>
    public IModuleHost Admit(HttpContext context, string module)
    {
        RequestFacts facts = RequestFacts.Of(context);
        facts.Model = module;
        facts.Caller.CheckModule(module);
        string operation = context.Request.Path.Value switch
        {
            "/v1/completions" => "text_completion",
            "/v1/embeddings" => "embeddings",
            "/v1/classify" => "classify",
            "/v1/extract" => "extract",
            _ => "chat",
        };
        IModuleHost answering = host;
        var remote = host as RemoteHost;
        if ((remote?.Local ?? host) is VersionedHost versions && remote?.Remotes.Knows(module) != true)
        {
            PinnedVersion version = versions.Pin(module, context.TraceIdentifier);
            context.Response.RegisterForDispose(version);
            context.Response.Headers[AnswerHeaders.Version] = version.Hash;
            answering = remote is null ? version : remote.Over(version);
        }
        ModuleLoad.Presence presence = telemetry.Load.Enter(module);
        context.Response.RegisterForDispose(presence);
        return new AdmittedHost(answering, telemetry, facts, presence, answered, context.TraceIdentifier, operation, ParentOf(context.Request));
    }

    // Of the framework's own activity where somebody listens to that, else of the header of W3C's Trace Context.
    private static ActivityContext ParentOf(HttpRequest request) => Activity.Current?.Context
        ?? (ActivityContext.TryParse(request.Headers["traceparent"], request.Headers["tracestate"], isRemote: true, out ActivityContext parent) ? parent : default);
}
