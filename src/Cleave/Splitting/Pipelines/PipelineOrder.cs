namespace Cleave.Splitting.Pipelines;

/// <summary>When steps run: each after those that it needs.</summary>
public static class PipelineOrder
{
    /// <summary>Steps in waves: those of one wave need only steps of the waves before it, and keep the order of the file. Steps that wait for each other are in none.</summary>
    public static IReadOnlyList<IReadOnlyList<StepDefinition>> Waves(PipelineDefinition pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        var waves = new List<IReadOnlyList<StepDefinition>>();
        var waiting = pipeline.Steps.ToList();
        while (waiting.Count > 0)
        {
            StepDefinition[] ready = [.. waiting.Where(s => Waited(s, waiting) is null)];
            if (ready.Length == 0)
                break;
            waves.Add(ready);
            waiting.RemoveAll(ready.Contains);
        }
        return waves;
    }

    /// <summary>Circles of steps that wait for each other, each as the names along it; no step is in two.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Cycles(PipelineDefinition pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        var cycles = new List<IReadOnlyList<string>>();
        var waiting = pipeline.Steps.ToList();
        while (waiting.Count > 0)
        {
            if (waiting.RemoveAll(s => Waited(s, waiting) is null) > 0)
                continue;
            var path = new List<StepDefinition>(); // everything waits for something that waits: the path comes back to itself
            StepDefinition at = waiting[0];
            for (; !path.Contains(at); at = Waited(at, waiting)!)
                path.Add(at);
            path.RemoveRange(0, path.IndexOf(at));
            cycles.Add([.. path.Select(s => s.Name)]);
            waiting.RemoveAll(path.Contains);
        }
        return cycles;
    }

    /// <summary>The steps whose outcome can reach the output.</summary>
    public static IReadOnlySet<string> Used(PipelineDefinition pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        var used = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(pipeline.Output.References.Select(r => r.Step));
        while (open.TryPop(out string? name))
        {
            if (!used.Add(name) || pipeline.Find(name) is not { } step)
                continue;
            foreach (string need in step.Needs)
                open.Push(need);
        }
        return used;
    }

    private static StepDefinition? Waited(StepDefinition step, List<StepDefinition> waiting) =>
        waiting.FirstOrDefault(w => step.Needs.Contains(w.Name, StringComparer.Ordinal));
}
