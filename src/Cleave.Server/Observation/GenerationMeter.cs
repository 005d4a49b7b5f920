using System.Diagnostics;
using Cleave.Serving;

namespace Cleave.Server.Observation;

/// <summary>Measures one request while it is computed; one thread uses it.</summary>
internal sealed class GenerationMeter(Telemetry telemetry, Activity? activity, string operation, ModuleRequest request, TimeSpan waited) : IDisposable
{
    private readonly long _begun = Stopwatch.GetTimestamp();
    private ModuleChoice? _choice;
    private TimeSpan? _first;

    public void Chosen(ModuleChoice choice) => _choice = choice;

    public void FirstPiece() => _first = Elapsed;

    /// <param name="promptTokens">Those that are counted with this answer.</param>
    public void Complete(ModuleResult result, int promptTokens)
    {
        _choice = result.Choice;
        TimeSpan elapsed = Elapsed;
        TagList tags = Record(elapsed, "ok", null);
        if (_first is { } first)
        {
            telemetry.FirstToken.Record(first.TotalSeconds, tags);
            if (result.CompletionTokens > 1)
                telemetry.PerOutputToken.Record((elapsed - first).TotalSeconds / (result.CompletionTokens - 1), tags);
        }
        if (promptTokens > 0)
            Use(tags, "input", promptTokens);
        Use(tags, "output", result.CompletionTokens);
        if (result.Choice.Route == Route.Escalated)
            telemetry.Escalations.Add(1, new KeyValuePair<string, object?>("module", result.Choice.Task));
        activity?.SetTag("gen_ai.response.finish_reasons", new[] { Http.Answers.Finish(result) });
        activity?.SetTag("gen_ai.usage.input_tokens", result.PromptTokens);
        activity?.SetTag("gen_ai.usage.output_tokens", result.CompletionTokens);
    }

    public void Fail(Exception e, bool cancelled)
    {
        string kind = cancelled ? "cancelled" : RequestException.IsRefusal(e) ? "refused" : "error";
        Record(Elapsed, kind, kind);
        activity?.SetStatus(ActivityStatusCode.Error);
    }

    public void Dispose()
    {
        telemetry.End();
        activity?.Dispose();
    }

    private TimeSpan Elapsed => waited + Stopwatch.GetElapsedTime(_begun);

    private TagList Record(TimeSpan elapsed, string status, string? error)
    {
        var tags = new TagList { { "gen_ai.operation.name", operation }, { "gen_ai.provider.name", Telemetry.Provider }, { "gen_ai.request.model", request.Module } };
        if (_choice is not null)
            tags.Add("gen_ai.response.model", _choice.Module);
        foreach ((string key, object? value) in tags)
            activity?.SetTag(key, value);
        TagList ended = tags;
        if (error is not null)
        {
            ended.Add("error.type", error);
            activity?.SetTag("error.type", error);
        }
        telemetry.Duration.Record(elapsed.TotalSeconds, ended);
        string module = _choice?.Module ?? request.Module;
        telemetry.Queue.Record(waited.TotalSeconds, new KeyValuePair<string, object?>("module", module));
        telemetry.Requests.Add(1, new("module", module), new("route", RouteName(_choice?.Route)), new("status", status), new("version", _choice?.Version?[..12] ?? ""));
        return tags;
    }

    private void Use(TagList tags, string type, int tokens)
    {
        tags.Add("gen_ai.token.type", type);
        telemetry.TokenUsage.Record(tokens, tags);
    }

    private static string RouteName(Route? route) => route switch
    {
        Route.Named => "named",
        Route.Router => "router",
        Route.Escalated => "escalated",
        _ => "none",
    };
}
