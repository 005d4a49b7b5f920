using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Cli.Shell;
using Cleave.Data;
using Cleave.Models;
using Cleave.Serving.Routing;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave run</c>: one request, or JSON lines of them, through a release's router.</summary>
internal static class RunCommand
{
    private static readonly Argument<string> Folder = new("RELEASE") { Description = "A release's folder, as 'cleave split' makes it; or one model that answers for tasks: a module's folder, or a published classifier's, also hf:owner/name." };
    private static readonly Argument<string?> Text = new("TEXT") { Description = "The request; without it, lines {\"text\", \"task\"?} are read from standard input.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> Module = new("--module") { Description = "Ask this task's module instead of the router; needed where one model answers for several tasks.", HelpName = "NAME" };

    private static readonly Option<string?> Pipeline = new("--pipeline") { Description = "Ask this pipeline of the release: several modules chained, as the project declares them.", HelpName = "NAME" };

    private static readonly Option<bool> Explain = new("--explain") { Description = "Say why the answer came from where it did: tasks, confidences and thresholds." };

    public static Verb Create() => new Verb("run", "Answer requests with a release: route, answer, escalate to the monolith when unsure.")
    {
        Folder, Text, Module, Pipeline, Explain, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave run samples/support-desk/release \"where is my parcel?\"", "the router decides which module answers")
    .Example("cleave run samples/support-desk/release --module sentiment \"great service\"", "ask one module")
    .Example("cleave run samples/support-desk/release --explain \"where is my parcel?\"", "which tasks it could have been, and whether anybody was unsure")
    .Example("cleave run release --pipeline triage \"my lamp arrived broken\" --json", "several modules together, and what each of them came to")
    .Example("cleave run samples/support-desk/release --json < requests.jsonl", "many requests, one JSON line each")
    .Example("cleave run hf:distilbert/distilbert-base-uncased-finetuned-sst-2-english \"great service\"", "ask a published classifier")
    .Runs(Run);

    private static int Run(Call call)
    {
        string folder = ModelArgument.Fetched(call.Get(Folder));
        if (call.Get(Pipeline) is { } pipeline)
        {
            if (call.Get(Module) is not null)
                throw new CleaveException($"{Module.Name} and {Pipeline.Name} exclude each other: a request is for a module or for a pipeline");
            if (call.Get(Explain))
                throw new CleaveException($"{Explain.Name} is about one module's answer; a pipeline tells of its steps with {SharedOptions.Json.Name}");
            using PipelineAnswers answers = PipelineAnswers.Open(folder, pipeline);
            return Run(call, (request, task) => answers.Write(call, request, task));
        }
        if (!Release.IsRelease(folder) && (ModuleFolder.IsModule(folder) || File.Exists(Path.Combine(folder, ModelFolder.Config))))
        {
            using var modules = ModuleAnswers.Open(folder);
            return Run(call, (request, task) => Write(call, modules.Answer, request, task));
        }
        using Release release = Release.Open(folder);
        return Run(call, (request, task) => Write(call, release.Answer, request, task));
    }

    private static int Run(Call call, Action<Example, string?> answer)
    {
        if (call.Get(Text) is { } text)
        {
            answer(new Example { Text = text }, call.Get(Module));
            return Exit.Done;
        }
        long line = 0;
        while (call.In.ReadLine() is { } json)
        {
            call.Cancel.ThrowIfCancellationRequested();
            line++;
            if (string.IsNullOrWhiteSpace(json))
                continue;
            (Example request, string? task) = Parse(json, line);
            answer(request, task ?? call.Get(Module));
        }
        return Exit.Done;
    }

    private static (Example Request, string? Task) Parse(string json, long line)
    {
        try
        {
            if (JsonNode.Parse(json) is JsonObject request && request["text"] is JsonValue text && text.TryGetValue(out string? value))
                return (new Example { Text = value, Question = (string?)request["question"] }, (string?)request["task"]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new DataFileException("standard input", $"not a request: {e.Message}", line);
        }
        throw new DataFileException("standard input", "a request is {\"text\": \"...\"}, optionally with \"task\" and \"question\"", line);
    }

    private static void Write(Call call, Func<Example, string?, CancellationToken, Answer> ask, Example request, string? task)
    {
        long start = Stopwatch.GetTimestamp();
        Answer answer = ask(request, task, call.Cancel);
        double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        if (!call.Json)
        {
            call.Out.WriteLine(Output(answer, request.Text));
            foreach (string sentence in call.Get(Explain) ? RouteExplanation.Of(answer) : [])
                call.Out.WriteLine($"  {sentence}");
            call.Say($"{answer.Task}: answered by {answer.Module}{(answer.Escalated ? " (escalated)" : "")}, confidence {answer.Prediction.Confidence:0.00}, {milliseconds:0.0} ms");
            return;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("task", answer.Task);
            w.WriteString("module", answer.Module);
            WriteOutput(w, answer, request.Text);
            w.WriteNumber("confidence", answer.Prediction.Confidence);
            w.WriteBoolean("escalated", answer.Escalated);
            w.WriteNumber("latency_ms", milliseconds);
            if (call.Get(Explain))
                WriteExplanation(w, answer);
            w.WriteEndObject();
        });
    }

    private static void WriteExplanation(Utf8JsonWriter w, Answer answer)
    {
        w.WriteStartObject("explanation");
        w.WriteStartArray("tasks");
        foreach ((string name, double confidence) in answer.Decision?.Tasks ?? [])
        {
            w.WriteStartObject();
            w.WriteString("task", name);
            w.WriteNumber("confidence", confidence);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteNumber("route_threshold", answer.Decision?.Threshold ?? 0);
        w.WriteBoolean("abstained", answer.Decision is { Abstains: true });
        if (answer.ModuleConfidence is { } sure)
            w.WriteNumber("module_confidence", sure);
        else
            w.WriteNull("module_confidence");
        w.WriteNumber("module_threshold", answer.Threshold);
        w.WriteStartArray("why");
        foreach (string sentence in RouteExplanation.Of(answer))
            w.WriteStringValue(sentence);
        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static string Output(Answer answer, string text) => answer.Kind switch
    {
        TaskKind.Classify => answer.Prediction.Label!,
        TaskKind.Extract => answer.Prediction.Spans.Count == 0 ? "(nothing)" : string.Join('\n', answer.Prediction.Spans.Select(s => $"{s.Label}: {text[s.Start..s.End]}")),
        _ => answer.Prediction.Text ?? "",
    };

    private static void WriteOutput(Utf8JsonWriter w, Answer answer, string text)
    {
        if (answer.Kind != TaskKind.Extract)
        {
            w.WriteString("output", Output(answer, text));
            return;
        }
        w.WriteStartArray("output");
        foreach (TextSpan span in answer.Prediction.Spans)
        {
            w.WriteStartObject();
            w.WriteString("text", text[span.Start..span.End]);
            w.WriteNumber("start", span.Start);
            w.WriteNumber("end", span.End);
            w.WriteString("label", span.Label);
            w.WriteEndObject();
        }
        w.WriteEndArray();
    }
}
