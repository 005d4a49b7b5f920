using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Json;

namespace Cleave.Splitting.Pipelines;

/// <summary>A release's pipelines on disk, <c>pipelines.json</c>; a release without pipelines has no such file.</summary>
public static class PipelineFile
{
    public const string Name = "pipelines.json";
    private const int Format = 1;
    private const long MaxBytes = 4 << 20;
    private const string Is = "is", Not = "not", Above = "above", Below = "below", Separator = "separator", LimitMs = "limit_ms", Step = "step", NameKey = "name", All = "pipelines";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(string folder, IReadOnlyList<PipelineDefinition> pipelines)
    {
        ArgumentNullException.ThrowIfNull(pipelines);
        var json = new JsonObject { ["format"] = Format, [All] = new JsonArray([.. pipelines.Select(p => (JsonNode)Write(p))]) };
        AtomicFile.WriteText(Path.Combine(folder, Name), json.ToJsonString(Indented) + "\n");
    }

    /// <param name="tasks">The release's tasks and what they give.</param>
    /// <exception cref="ModelFileException">The file is damaged, or does not fit the tasks.</exception>
    public static IReadOnlyList<PipelineDefinition> Read(string folder, IReadOnlyDictionary<string, TaskKind> tasks)
    {
        string path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            return [];
        JsonCursor root = JsonFile.Load(path, MaxBytes);
        if (root["format"].Int(1) != Format)
            throw root["format"].Error("this format is newer than this program; update Cleave");
        var pipelines = new List<PipelineDefinition>();
        foreach (JsonCursor json in root[All].Items())
        {
            PipelineDefinition pipeline = ReadPipeline(json);
            PipelineChecker.Check(pipeline, tasks, (step, key, problem) => throw json.Error($"{step?.Name ?? pipeline.Name}.{key}: {problem}"));
            if (tasks.ContainsKey(pipeline.Name) || pipelines.Exists(p => p.Name == pipeline.Name))
                throw json.Error($"the name '{pipeline.Name}' is used twice");
            pipelines.Add(pipeline);
        }
        return pipelines;
    }

    /// <summary>A limit as a time; null where it is too short or too long to be one.</summary>
    internal static TimeSpan? LimitOf(double milliseconds) => milliseconds is >= 1 and <= 3_600_000 ? TimeSpan.FromMilliseconds(milliseconds) : null;

    private static JsonObject Write(PipelineDefinition pipeline) => new()
    {
        [NameKey] = pipeline.Name,
        [PipelineChecker.Steps] = new JsonArray([.. pipeline.Steps.Select(s => (JsonNode)Write(s))]),
        [PipelineChecker.Output] = pipeline.Output.Source,
    };

    private static JsonObject Write(StepDefinition step)
    {
        var json = new JsonObject { [NameKey] = step.Name };
        if (step.When is { } when)
        {
            var condition = new JsonObject { [Step] = when.Step, [Is] = List(when.Is), [Not] = List(when.Not) };
            if (when.Above is { } above)
                condition[Above] = above;
            if (when.Below is { } below)
                condition[Below] = below;
            json[PipelineChecker.When] = condition;
        }
        if (step.Task is null)
        {
            json[PipelineChecker.Join] = step.Text.Source;
            return json;
        }
        json[PipelineChecker.Task] = step.Task;
        json[PipelineChecker.Text] = step.Text.Source;
        if (step.Question is { } question)
            json[PipelineChecker.Question] = question.Source;
        if (step.Each is { } each)
            (json[PipelineChecker.Each], json[Separator]) = (each.ToString(), step.Separator);
        json[PipelineChecker.OnFailure] = step.OnFailure.ToString();
        if (step.Limit is { } limit)
            json[LimitMs] = limit.TotalMilliseconds;
        return json;
    }

    private static PipelineDefinition ReadPipeline(JsonCursor json)
    {
        var steps = new List<StepDefinition>();
        foreach (JsonCursor item in json[PipelineChecker.Steps].Items())
        {
            StepDefinition step = ReadStep(item);
            if (step.Name == StepTemplate.Input || steps.Exists(s => s.Name == step.Name))
                throw item.Error($"the name '{step.Name}' is used twice");
            if (steps.Count == PipelineDefinition.MostSteps)
                throw item.Error($"more than {PipelineDefinition.MostSteps} steps");
            steps.Add(step);
        }
        return new PipelineDefinition(json[NameKey].Text(), steps, Template(json[PipelineChecker.Output]));
    }

    private static StepDefinition ReadStep(JsonCursor json)
    {
        var step = new StepDefinition { Name = json[NameKey].Text(), When = json.Find(PipelineChecker.When) is { } when ? ReadCondition(when) : null };
        if (json.Find(PipelineChecker.Join) is { } join)
            return step with { Text = Template(join) };
        JsonCursor? each = json.Find(PipelineChecker.Each), limit = json.Find(LimitMs), failure = json.Find(PipelineChecker.OnFailure);
        return step with
        {
            Task = json[PipelineChecker.Task].Text(),
            Text = Template(json[PipelineChecker.Text]),
            Question = json.Find(PipelineChecker.Question) is { } question ? Template(question) : null,
            Each = each is null ? null : ChunkRule.TryParse(each.Text()) ?? throw each.Expected(ChunkRule.Form),
            Separator = json.Text(Separator, step.Separator),
            OnFailure = failure is null ? FailureRule.Fail : FailureRule.TryParse(failure.Text()) ?? throw failure.Expected(FailureRule.Form),
            Limit = limit is null ? null : LimitOf(limit.Number()) ?? throw limit.Expected("1 to 3600000 ms"),
        };
    }

    private static StepCondition ReadCondition(JsonCursor json) => new(json[Step].Text(), Texts(json.Find(Is)), Texts(json.Find(Not)), json.Find(Above)?.Number(), json.Find(Below)?.Number());

    private static string[] Texts(JsonCursor? list) => list is null ? [] : [.. list.Items().Select(t => t.Text())];

    private static StepTemplate Template(JsonCursor json) => StepTemplate.TryParse(json.Text()) ?? throw json.Expected("a text with names in braces");

    private static JsonArray List(IReadOnlyList<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
