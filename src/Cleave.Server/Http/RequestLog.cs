using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Cleave.Server.Observation;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cleave.Server.Http;

/// <summary>Counts requests and writes a line about each: what was asked of whom, how it went, how long it took; never what was said.</summary>
/// <param name="remark">Hears of the program's own errors where there is no log; null: nobody.</param>
/// <param name="json">Whether lines are JSON documents.</param>
internal sealed class RequestLog(Action<string>? log, Action<string>? remark, bool json, Telemetry telemetry, TimeProvider clock)
{
    private const int ClientLeft = 499; // the status that other servers write for it too
    private const int MostPath = 256;

    public void Answered(HttpContext context, RequestFacts facts) => Write(context, facts, context.Response.StatusCode);

    public void Left(HttpContext context, RequestFacts facts) => Write(context, facts, ClientLeft);

    /// <summary>An error of the program itself.</summary>
    public void Error(HttpContext context, Exception e)
    {
        if (log is null)
            Remark($"internal error in request {context.TraceIdentifier}: {CleaveException.OneLine(e.Message)}");
        else
            Say($"internal error in request {context.TraceIdentifier}: {e}", "error");
    }

    /// <summary>A line for whoever started the server.</summary>
    public void Remark(string line) => Put(remark, line);

    /// <summary>A remark, in the form of the other lines.</summary>
    public void Say(string message, string level = "info")
    {
        Put(log, json ? Line(w =>
        {
            w.WriteString("level", level);
            w.WriteString("message", message);
        }) : message);
    }

    private void Write(HttpContext context, RequestFacts facts, int status)
    {
        string route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "other";
        telemetry.Http.Add(1, new("http.request.method", Method(context.Request.Method)), new("http.route", route), new("http.response.status_code", status));
        if (log is null)
            return;
        string path = context.Request.Path.Value is { } p ? CleaveException.OneLine(p.Length > MostPath ? p[..MostPath] : p) : "";
        if (!json)
            Put(log, $"{context.Request.Method} {path}: {(status == ClientLeft ? "the client left" : status)}");
        else
            Put(log, Line(w => Describe(w, context, facts, path, status)));
    }

    // Where lines go may be full or gone. Nobody could be told, and requests are to be answered all the same.
    private void Put(Action<string>? hears, string line)
    {
        try
        {
            hears?.Invoke(line);
        }
        catch (IOException)
        {
            telemetry.LostLines.Add(1);
        }
    }

    private static void Describe(Utf8JsonWriter w, HttpContext context, RequestFacts facts, string path, int status)
    {
        w.WriteString("level", status >= 500 ? "error" : "info");
        w.WriteString("request", context.TraceIdentifier);
        w.WriteString("remote", context.Connection.RemoteIpAddress?.ToString());
        w.WriteString("caller", facts.Caller.Name);
        w.WriteString("method", context.Request.Method);
        w.WriteString("path", path);
        w.WriteNumber("status", status);
        w.WriteNumber("ms", Math.Round(Stopwatch.GetElapsedTime(facts.Started).TotalMilliseconds, 3));
        if (facts.Model is null)
            return;
        w.WriteString("model", facts.Model);
        if (facts.Waited is { } waited)
            w.WriteNumber("queue_ms", Math.Round(waited.TotalMilliseconds, 3));
        if (facts.Choice is { } choice)
        {
            w.WriteString("module", choice.Module);
            w.WriteString("task", choice.Task);
            w.WriteString("route", choice.Route.ToString().ToLowerInvariant());
            if (choice.Version is { } version)
                w.WriteString("version", version);
        }
        if (facts.Answers > 0)
        {
            w.WriteNumber("answers", facts.Answers);
            w.WriteNumber("prompt_tokens", facts.PromptTokens);
            w.WriteNumber("completion_tokens", facts.CompletionTokens);
            w.WriteNumber("compute_ms", Math.Round(facts.Compute.TotalMilliseconds, 3));
        }
    }

    private string Line(Action<Utf8JsonWriter> write)
    {
        using var line = new MemoryStream();
        using (var w = new Utf8JsonWriter(line))
        {
            w.WriteStartObject();
            w.WriteString("time", clock.GetUtcNow());
            write(w);
            w.WriteEndObject();
        }
        return Encoding.UTF8.GetString(line.ToArray());
    }

    // What clients make up does not become a label.
    private static string Method(string method) => method is "GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "OPTIONS" or "PATCH" ? method : "_OTHER";
}
