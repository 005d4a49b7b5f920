using System.Globalization;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Data;
using Cleave.Formats;
using Cleave.Serving;
using Cleave.Serving.Pipelines;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave run --pipeline</c>: one of a release's pipelines, and what its steps came to.</summary>
internal sealed class PipelineAnswers : IDisposable
{
    private readonly Release _release;
    private readonly ReleaseHost _modules;
    private readonly IModuleHost _host;
    private readonly string _name;

    private PipelineAnswers(Release release, string name)
    {
        (_release, _name) = (release, name);
        _modules = new ReleaseHost(release, default);
        _host = PipelineHost.Of(release, _modules, default);
    }

    /// <exception cref="CleaveException">Not a release, or it has no such pipeline.</exception>
    public static PipelineAnswers Open(string folder, string name)
    {
        Release release = Release.Open(folder);
        string[] names = [.. release.Pipelines.Select(p => p.Name)];
        if (names.Contains(name, StringComparer.Ordinal))
            return new PipelineAnswers(release, name);
        release.Dispose();
        throw new CleaveException(names.Length == 0 ? $"{folder}: the release has no pipelines; declare '{name}' under 'pipelines' in the project, and split it again"
            : $"{folder}: there is no pipeline '{name}' ({Suggest.Hint(name, names)})");
    }

    public void Write(Call call, Example request, string? task)
    {
        if (request.Question is not null || task is not null)
            throw new CleaveException($"a request for a pipeline has no '{(task is null ? "question" : "task")}': its steps say what they ask");
        ModuleResult result = _host.Run(new ModuleRequest { Module = _name, Prompt = request.Text }, new Unheard(), call.Cancel);
        if (call.Json)
        {
            call.WriteJson(w => WriteJson(w, result));
            return;
        }
        call.Out.WriteLine(result.Text);
        if (call.Quiet)
            return;
        foreach (StepResult step in result.Steps)
            call.Say($"{step.Step}: {Said(step)}, {Milliseconds(step.Time)}");
        call.Say($"{_name}: {result.Steps.Count} steps, {Milliseconds(result.Compute)}");
    }

    public void Dispose()
    {
        _modules.Dispose();
        _release.Dispose();
    }

    private static string Said(StepResult step) => step.State switch
    {
        StepState.Skipped => $"skipped ({step.Reason})",
        StepState.Default => $"'{step.Output}' instead of an answer ({step.Reason})",
        _ when step.Task is null => "put together",
        _ => $"answered by {step.Module}{(step.Parts > 1 ? $" in {step.Parts} parts" : "")}{(step.Confidence is { } c ? string.Create(CultureInfo.InvariantCulture, $", confidence {c:0.00}") : "")}",
    };

    private static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms");

    private void WriteJson(Utf8JsonWriter w, ModuleResult result)
    {
        w.WriteStartObject();
        w.WriteString("pipeline", _name);
        bool spans = _host.Modules.First(m => m.Name == _name).Kind == TaskKind.Extract;
        WriteOutput(w, spans && result.Steps.Any(s => IsSpans(s) && s.Output == result.Text), result.Text);
        w.WriteNumber("latency_ms", result.Compute.TotalMilliseconds);
        w.WriteStartArray("steps");
        foreach (StepResult step in result.Steps)
        {
            w.WriteStartObject();
            w.WriteString("step", step.Step);
            w.WriteString("task", step.Task);
            w.WriteString("module", step.Module);
            w.WriteString("state", step.State switch { StepState.Skipped => "skipped", StepState.Default => "default", _ => "done" });
            WriteOutput(w, IsSpans(step), step.Output);
            if (step.Confidence is { } confidence)
                w.WriteNumber("confidence", confidence);
            else
                w.WriteNull("confidence");
            w.WriteNumber("parts", step.Parts);
            w.WriteNumber("ms", step.Time.TotalMilliseconds);
            w.WriteString("reason", step.Reason);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }

    // A skipped or replaced step gave a text, whatever its module gives.
    private static bool IsSpans(StepResult step) => step is { State: StepState.Done, Kind: TaskKind.Extract };

    private static void WriteOutput(Utf8JsonWriter w, bool spans, string output)
    {
        w.WritePropertyName("output");
        if (spans)
            w.WriteRawValue(output);
        else
            w.WriteStringValue(output);
    }

    private sealed class Unheard : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }
        public void Text(string piece) { }
    }
}
