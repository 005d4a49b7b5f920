using System.Text.Json;
using Cleave.Server.Http;
using Cleave.Serving.Allocation;
using Cleave.Serving.Feedback;
using Cleave.Serving.Versions;
using Cleave.Splitting.Releases;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cleave.Server.Admin;

/// <summary>Changes which version is served. Who may is decided before a request gets here; every change is in the audit log before it is made.</summary>
/// <param name="watch">Null where no new releases are looked for.</param>
/// <param name="releases">Null where no further release may be loaded.</param>
/// <param name="allocator">Null where nothing of it is told or changed.</param>
/// <param name="hearsJudgements">Whether answers can be judged, which trials that learn need.</param>
/// <param name="log">Hears about an entry of the audit log that could not be made after the change was.</param>
internal sealed class AdminEndpoints(VersionedHost versions, ReleaseWatch? watch, ReleaseFolder? releases, ServingAllocator? allocator, bool hearsJudgements, AuditLog? audit, Action<string>? log,
    CancellationToken stopping)
{
    public const string Prefix = "/admin";
    private const int MostAudited = 512;
    private const double UsualMost = 50; // percent

    public void Map(IEndpointRouteBuilder app)
    {
        app.MapGet($"{Prefix}/versions", context => Answer(context, 200));
        app.MapPost($"{Prefix}/versions", context => Change(context, "load", Load, "path"));
        app.MapPost($"{Prefix}/promote", context => Change(context, "promote", body => Done(() => versions.Promote(Version(body), Body.Find(body, "force") is { } f && Body.Flag(f, "force"))), "version", "force"));
        app.MapPost($"{Prefix}/rollback", context => Change(context, "rollback", _ => Done(() => versions.Rollback())));
        app.MapPost($"{Prefix}/canary", context => Change(context, "canary", body => Done(() => Try(body)), "version", "percent", "mode", "risk"));
        if (allocator is not null)
        {
            app.MapGet($"{Prefix}/allocation", context => AnswerAllocation(context, allocator));
            app.MapPost($"{Prefix}/allocation", context => Change(context, "allocate", body => Done(() => Allocate(body, allocator)), c => AnswerAllocation(c, allocator), "weights", "minimum_shares", "memory_bytes"));
        }
        app.MapPost($"{Prefix}/unload", context => Change(context, "unload", body => Done(() => _ = versions.Unload(Version(body))), "version"));
    }

    private Task Change(HttpContext context, string action, Func<JsonElement, Task> change, params string[] known) => Change(context, action, change, c => Answer(c, 200), known);

    private async Task Change(HttpContext context, string action, Func<JsonElement, Task> change, Func<HttpContext, Task> answer, params string[] known)
    {
        using Body body = await Body.ReadAsync(context.Request, context.RequestAborted);
        foreach (JsonProperty member in body.Root.EnumerateObject())
        {
            if (!known.Contains(member.Name))
                throw ApiException.Invalid($"the parameter '{member.Name}' is not supported", member.Name, "unsupported_parameter");
        }
        KeyValuePair<string, string>[] said = [.. body.Root.EnumerateObject().Where(m => m.Value.ValueKind is not JsonValueKind.Array)
            .Select(m => KeyValuePair.Create(m.Name, Short(m.Value.ValueKind == JsonValueKind.String ? Body.Text(m.Value, m.Name) : m.Value.GetRawText())))];
        Note("begun", []);
        try
        {
            await change(body.Root);
        }
        catch (Exception e) when (e is CleaveException or ApiException)
        {
            After("refused", e.Message);
            throw Refused(e, action);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            After("refused", "the server is stopping");
            throw ApiException.Stopping();
        }
        After("done", null);
        await answer(context);

        void Note(string outcome, KeyValuePair<string, string>[] more)
        {
            try
            {
                audit?.Write(RequestFacts.Of(context).Caller.Name, context.Connection.RemoteIpAddress?.ToString(), context.TraceIdentifier, action, outcome, [.. said, .. more]);
            }
            catch (CleaveException e)
            {
                throw new ApiException(503, "server_error", outcome == "begun" ? $"nothing was changed: {e.Message}" : e.Message, code: "audit_log_failed");
            }
        }

        void After(string outcome, string? reason)
        {
            try
            {
                Note(outcome, reason is null ? [] : [KeyValuePair.Create("reason", reason)]);
            }
            catch (ApiException e)
            {
                log?.Invoke($"{action} is {outcome}, but {e.Message}");
            }
        }
    }

    // Not ended by a client that leaves: it would have to begin again.
    private async Task Load(JsonElement body)
    {
        if (releases is null)
            throw new ApiException(403, "permission_error", "this server loads no further releases; start it with --releases DIR", code: "loading_disabled");
        await versions.LoadAsync(releases.Find(Body.Text(Need(body, "path"), "path")), stopping);
    }

    private void Try(JsonElement body)
    {
        string mode = Body.Find(body, "mode") is { } m ? Body.Text(m, "mode") : "canary";
        double percent = Body.Find(body, "percent") is { } p ? Body.Number(p, "percent", 0, 100) : -1;
        double? risk = Body.Find(body, "risk") is { } r ? Body.Number(r, "risk", 0.001, 0.999) : null;
        if (risk is not null && mode != "learn")
            throw ApiException.Invalid("'risk' is for the mode learn", "risk");
        switch (mode)
        {
            case "shadow" when percent < 0:
                versions.StartShadow(Version(body));
                break;
            case "learn" when !hearsJudgements:
                throw new ApiException(403, "permission_error", "this server takes no judgements to learn from; start it with --feedback FILE", code: "feedback_disabled");
            case "learn" when percent is -1 or > 0 and <= 99:
                versions.StartLearning(Version(body), percent < 0 ? UsualMost : percent, risk ?? VersionBandit.UsualRisk);
                break;
            case "canary" when percent > 0:
                versions.StartCanary(Version(body), percent);
                break;
            case "off" when percent < 0:
                versions.EndTrial();
                break;
            default:
                throw ApiException.Invalid("give {\"version\", \"percent\"} with a percentage above 0, {\"version\", \"mode\": \"learn\"} with at most 99 percent, {\"version\", \"mode\": \"shadow\"}, or {\"mode\": \"off\"}", "mode");
        }
    }

    // What is not named stays as it is; what is named takes the place of all that was said of it before.
    private void Allocate(JsonElement body, ServingAllocator allocator)
    {
        AllocatorOptions now = allocator.State.Options;
        allocator.Set(new AllocatorOptions
        {
            Weights = Body.Find(body, "weights") is { } weights ? Parts(weights, "weights") : now.Weights,
            MinimumShares = Body.Find(body, "minimum_shares") is { } shares ? Parts(shares, "minimum_shares") : now.MinimumShares,
            MemoryBytes = Body.Find(body, "memory_bytes") is { } bytes ? (long)Body.Number(bytes, "memory_bytes", 1, 1e15) : now.MemoryBytes,
        });
    }

    private Dictionary<string, double> Parts(JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw ApiException.Invalid($"'{name}' must be an object of modules' names with numbers", name);
        string[] known = [.. versions.Modules.Select(m => m.Name), ReleaseWriter.MonolithFolder];
        var parts = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (JsonProperty part in json.EnumerateObject())
        {
            if (!known.Contains(part.Name))
                throw ApiException.Invalid($"'{name}': there is no module of that name; there are: {string.Join(", ", known)}", name);
            parts[part.Name] = Body.Number(part.Value, name, 0, 1e9);
        }
        return parts;
    }

    private static Task AnswerAllocation(HttpContext context, ServingAllocator allocator) =>
        JsonAnswer.Write(context.Response, 200, AllocationJson.Of(allocator.State), context.RequestAborted);

    private Task Answer(HttpContext context, int status) => JsonAnswer.Write(context.Response, status, AdminJson.Of(versions.State, watch?.State), context.RequestAborted);

    private static string Short(string text) => text.Length <= MostAudited ? text : text[..MostAudited];

    private static Task Done(Action change)
    {
        change();
        return Task.CompletedTask;
    }

    private static string Version(JsonElement body) => Body.Text(Need(body, "version"), "version");

    private static JsonElement Need(JsonElement body, string name) => Body.Find(body, name) ?? throw ApiException.Invalid($"'{name}' is missing", name);

    private static Exception Refused(Exception e, string action) => e switch
    {
        VersionException { IsUnknown: true } => new ApiException(404, "invalid_request_error", e.Message, "version", "version_not_found"),
        VersionException => new ApiException(409, "invalid_request_error", e.Message, code: "version_conflict"),
        CapacityException => new ApiException(409, "invalid_request_error", e.Message, code: "out_of_memory"),
        CleaveException when action == "allocate" => ApiException.Invalid(e.Message),
        CleaveException => new ApiException(422, "invalid_request_error", e.Message, "path", "release_refused"),
        _ => e,
    };
}
