using Cleave.Data;
using Cleave.Formats.Yaml;
using Cleave.Splitting.Projects;

namespace Cleave.Splitting.Pipelines;

/// <summary>Reads the <c>pipelines</c> section of project files.</summary>
internal static class PipelineReader
{
    private const string Is = "is", Not = "not", Above = "above", Below = "below", Step = "step", Separator = "separator";
    private static readonly string[] OfModules = [PipelineChecker.Text, PipelineChecker.Question, PipelineChecker.Each, Separator, PipelineChecker.OnFailure, PipelineChecker.Limit];

    /// <summary>The pipelines, with every mistake reported to the file; empty where there is no such section.</summary>
    public static IReadOnlyList<PipelineDefinition> Read(YamlSection? section, IReadOnlyList<TaskDefinition> tasks)
    {
        if (section is null)
            return [];
        Dictionary<string, TaskKind> kinds = tasks.ToDictionary(t => t.Name, t => t.Kind, StringComparer.Ordinal);
        var pipelines = new List<PipelineDefinition>();
        foreach (string name in section.Keys.ToArray())
        {
            ProjectReader.CheckName(section, name, name);
            if (kinds.ContainsKey(name) || ProjectReader.Reserved.Contains(name))
                section.Report(name, $"a pipeline cannot be called '{name}': {(kinds.ContainsKey(name) ? "a task" : "the release")} uses that name");
            if (section.Section(name) is { } pipeline)
                pipelines.Add(ReadPipeline(name, pipeline, kinds) with { Line = section.LineOf(name) });
        }
        return pipelines;
    }

    private static PipelineDefinition ReadPipeline(string name, YamlSection section, Dictionary<string, TaskKind> tasks)
    {
        var steps = new List<StepDefinition>();
        var places = new Dictionary<string, YamlSection>(StringComparer.Ordinal);
        YamlSection? list = section.Section(PipelineChecker.Steps, required: true);
        foreach (string step in list?.Keys.ToArray() ?? [])
        {
            ProjectReader.CheckName(list!, step, step);
            if (list!.Section(step) is { } place)
            {
                if (step == StepTemplate.Input)
                {
                    list.Report(step, $"a step cannot be called '{step}': that is what the pipeline is given");
                    continue;
                }
                places[step] = place;
                steps.Add(ReadStep(step, place) with { Line = list.LineOf(step) });
            }
        }
        StepTemplate output = section.Text(PipelineChecker.Output, required: true) is { } text ? Template(section, PipelineChecker.Output, text) : StepTemplate.Malformed;
        section.Finish();
        var pipeline = new PipelineDefinition(name, steps, output);
        if (list is not null)
            PipelineChecker.Check(pipeline, tasks, (step, key, problem) => (step is null ? section : places[step.Name]).Report(key, problem));
        return pipeline;
    }

    private static StepDefinition ReadStep(string name, YamlSection section)
    {
        string? task = section.Text(PipelineChecker.Task), join = section.Text(PipelineChecker.Join);
        if (section.Has(PipelineChecker.Task) == section.Has(PipelineChecker.Join))
            section.Report(PipelineChecker.Task, $"step '{name}' needs either '{PipelineChecker.Task}', whose module answers, or '{PipelineChecker.Join}', a text over other steps");
        StepCondition? when = ReadCondition(section.Section(PipelineChecker.When));
        StepDefinition step = new() { Name = name, Task = task, When = when };
        if (join is not null && task is null)
        {
            foreach (string key in OfModules.Where(section.Has))
                section.Report(key, $"'{key}' is for steps with a '{PipelineChecker.Task}'");
            step = step with { Text = Template(section, PipelineChecker.Join, join) };
        }
        else
        {
            step = ReadModule(step, section);
        }
        section.Finish();
        return step;
    }

    private static StepDefinition ReadModule(StepDefinition step, YamlSection section)
    {
        if (section.Text(PipelineChecker.Text) is { } text)
            step = step with { Text = Template(section, PipelineChecker.Text, text) };
        if (section.Text(PipelineChecker.Question) is { } question)
            step = step with { Question = Template(section, PipelineChecker.Question, question) };
        if (section.Text(PipelineChecker.Each) is { } each)
        {
            step = step with { Each = ChunkRule.TryParse(each) };
            if (step.Each is null)
                section.Report(PipelineChecker.Each, $"'{each}' is no way to cut a text: write {ChunkRule.Form}");
        }
        if (section.Text(Separator) is { } separator)
        {
            step = step with { Separator = separator };
            if (!section.Has(PipelineChecker.Each))
                section.Report(Separator, $"a '{Separator}' stands between the outputs of parts: say with '{PipelineChecker.Each}' which parts");
        }
        if (section.Text(PipelineChecker.OnFailure) is { } rule)
        {
            step = step with { OnFailure = FailureRule.TryParse(rule) ?? FailureRule.Fail };
            if (FailureRule.TryParse(rule) is null)
                section.Report(PipelineChecker.OnFailure, $"'{rule}' cannot be: write {FailureRule.Form}");
        }
        if (section.Quantity(PipelineChecker.Limit, ProjectReader.Seconds) is { } seconds)
        {
            step = step with { Limit = PipelineFile.LimitOf(seconds * 1000) };
            if (step.Limit is null)
                section.Report(PipelineChecker.Limit, $"a '{PipelineChecker.Limit}' is 1 ms to 1 h");
        }
        return step;
    }

    private static StepCondition? ReadCondition(YamlSection? when)
    {
        if (when is null)
            return null;
        var condition = new StepCondition(when.Text(Step, required: true) ?? "", when.Texts(Is), when.Texts(Not), Bound(Above), Bound(Below));
        when.Finish();
        return condition.Step.Length > 0 ? condition : null;

        double? Bound(string key) => when.Has(key) ? when.Number(key, 0, 0, 1) : null;
    }

    private static StepTemplate Template(YamlSection section, string key, string text)
    {
        if (StepTemplate.TryParse(text) is { } template)
            return template;
        section.Report(key, $"the text '{text}' is malformed: write a step as {{name}}, a brace as {{{{ or }}}}");
        return StepTemplate.Malformed;
    }
}
