using Cleave.Data;
using Cleave.Formats;

namespace Cleave.Splitting.Pipelines;

/// <summary>Hears of a mistake: the step (null for the pipeline itself), its key, and what is wrong.</summary>
internal delegate void PipelineProblem(StepDefinition? step, string key, string problem);

/// <summary>Finds what is wrong with a pipeline: names that are not there, steps that wait for each other, steps that nothing uses.</summary>
internal static class PipelineChecker
{
    /// <summary>The keys of a pipeline and of a step, where files and messages name them.</summary>
    public const string Output = "output", Steps = "steps", Task = "task", Text = "text", Join = "join", Question = "question", Each = "each", When = "when", OnFailure = "on_failure", Limit = "limit";

    /// <param name="tasks">What there is to ask, and what it gives.</param>
    public static void Check(PipelineDefinition pipeline, IReadOnlyDictionary<string, TaskKind> tasks, PipelineProblem report)
    {
        if (pipeline.Steps.Count is 0 or > PipelineDefinition.MostSteps)
            report(null, Steps, $"pipeline '{pipeline.Name}' has {pipeline.Steps.Count} steps, but must have 1 to {PipelineDefinition.MostSteps}");
        foreach (StepDefinition step in pipeline.Steps)
            CheckStep(pipeline, step, tasks, report);
        CheckTemplate(pipeline, null, Output, pipeline.Output, tasks, report);
        foreach (IReadOnlyList<string> cycle in PipelineOrder.Cycles(pipeline))
        {
            string circle = cycle.Count == 1 ? $"step '{cycle[0]}' waits for itself" : $"steps wait for each other: {string.Join(" needs ", cycle.Append(cycle[0]).Select(n => $"'{n}'"))}";
            report(pipeline.Find(cycle[0]), Text, circle);
        }
        if (pipeline.Steps.SelectMany(Templates).Select(t => t.Template).Append(pipeline.Output).Contains(StepTemplate.Malformed))
            return; // nobody knows what it would have used
        IReadOnlySet<string> used = PipelineOrder.Used(pipeline);
        foreach (StepDefinition step in pipeline.Steps.Where(s => !used.Contains(s.Name)))
            report(step, Task, $"nothing uses step '{step.Name}': name it in the output or in a step that the output needs, or leave it out");
    }

    /// <summary>Labels that no item of a task has, in conditions and in parts of extracted words.</summary>
    /// <param name="labels">Of a task.</param>
    public static void CheckLabels(PipelineDefinition pipeline, Func<string, IReadOnlyCollection<string>> labels, PipelineProblem report)
    {
        foreach (StepDefinition step in pipeline.Steps)
        {
            if (step.When is { } when && pipeline.Find(when.Step)?.Task is { } asked)
            {
                foreach (string label in when.Is.Concat(when.Not).Where(l => !labels(asked).Contains(l)))
                    report(step, When, $"task '{asked}' has no label '{label}' ({Suggest.Hint(label, labels(asked))})");
            }
            foreach ((string key, StepTemplate template) in Templates(step))
                Parts(step, key, template);
        }
        Parts(null, Output, pipeline.Output);

        void Parts(StepDefinition? at, string key, StepTemplate template)
        {
            foreach (StepReference part in template.References.Where(r => r.Label is not null))
            {
                if (pipeline.Find(part.Step)?.Task is { } task && !labels(task).Contains(part.Label!))
                    report(at, key, $"task '{task}' finds no '{part.Label}' ({Suggest.Hint(part.Label!, labels(task))})");
            }
        }
    }

    private static void CheckStep(PipelineDefinition pipeline, StepDefinition step, IReadOnlyDictionary<string, TaskKind> tasks, PipelineProblem report)
    {
        if (step.Task is { } task && !tasks.ContainsKey(task))
            report(step, Task, $"there is no task '{task}' ({Suggest.Hint(task, [.. tasks.Keys])})");
        if (step.Question is not null && step.Task is not null && tasks.TryGetValue(step.Task, out TaskKind kind) && kind != TaskKind.Extract)
            report(step, Question, $"task '{step.Task}' takes no question: only tasks that extract do");
        foreach ((string key, StepTemplate template) in Templates(step))
            CheckTemplate(pipeline, step, key, template, tasks, report);
        if (step.When is not { } when)
            return;
        if (pipeline.Find(when.Step) is not { } decides)
            report(step, When, Missing(pipeline, when.Step, withInput: false));
        else if (decides.Task is null)
            report(step, When, $"step '{when.Step}' puts a text together: it has neither label nor confidence");
        else if ((when.Is.Count > 0 || when.Not.Count > 0) && tasks.TryGetValue(decides.Task, out TaskKind given) && given != TaskKind.Classify)
            report(step, When, $"step '{when.Step}' gives no label: only tasks that classify do; 'above' and 'below' are about its confidence");
        if (when is { Is.Count: 0, Not.Count: 0, Above: null, Below: null })
            report(step, When, "a condition needs 'is', 'not', 'above' or 'below'");
    }

    private static void CheckTemplate(PipelineDefinition pipeline, StepDefinition? step, string key, StepTemplate template, IReadOnlyDictionary<string, TaskKind> tasks, PipelineProblem report)
    {
        if (template == StepTemplate.Malformed)
            return;
        foreach (StepReference reference in template.References.Distinct())
        {
            if (reference.Step == StepTemplate.Input)
            {
                if (reference.Label is not null)
                    report(step, key, $"'{{{StepTemplate.Input}.{reference.Label}}}': the input has no parts");
            }
            else if (pipeline.Find(reference.Step) is not { } named)
                report(step, key, Missing(pipeline, reference.Step, withInput: true));
            else if (reference.Label is not null && (named.Task is null || (tasks.TryGetValue(named.Task, out TaskKind kind) && kind != TaskKind.Extract)))
                report(step, key, $"'{{{reference.Step}.{reference.Label}}}': only a step that extracts has parts");
        }
        bool constant = !template.References.Any(r => step is not null || r.Step != StepTemplate.Input);
        if (constant && (step is not { Task: null, When: not null }))
            report(step, key, step is null ? $"'{key}' shows no step: write a step as {{name}}" : $"'{key}' reads nothing: write {{{StepTemplate.Input}}}, or a step as {{name}}");
    }

    private static IEnumerable<(string Key, StepTemplate Template)> Templates(StepDefinition step)
    {
        yield return (step.Task is null ? Join : Text, step.Text);
        if (step.Question is not null)
            yield return (Question, step.Question);
    }

    private static string Missing(PipelineDefinition pipeline, string name, bool withInput) =>
        $"there is no step '{name}' ({Suggest.Hint(name, [.. pipeline.Steps.Select(s => s.Name), .. withInput ? (string[])[StepTemplate.Input] : []])})";
}
