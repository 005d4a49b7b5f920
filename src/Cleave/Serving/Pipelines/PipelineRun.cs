using System.Runtime.ExceptionServices;
using Cleave.Data;
using Cleave.Splitting.Pipelines;

namespace Cleave.Serving.Pipelines;

/// <summary>
/// One request through a pipeline. Steps run as soon as the wave of those that they need is through, the steps of a wave at the
/// same time. A step that writes for the output alone comes last, and of those that run the last in the output is heard while it
/// writes.
/// </summary>
internal sealed class PipelineRun(PipelineDefinition pipeline, IReadOnlyDictionary<string, TaskKind> tasks, StepRunner runner, IResultSink sink, CancellationToken cancellation)
{
    private readonly Dictionary<string, StepOutcome> _outcomes = new(StringComparer.Ordinal);
    private readonly ModuleChoice _choice = new(pipeline.Name, pipeline.Name, Route.Named);

    /// <summary>The steps that write only for the output, token by token: what a request says about sampling is about them.</summary>
    public static IReadOnlyList<StepDefinition> Writers(PipelineDefinition pipeline, IReadOnlyDictionary<string, TaskKind> tasks) =>
        [.. pipeline.Output.References.Select(r => pipeline.Find(r.Step)).OfType<StepDefinition>().Where(s => s.Task is not null && s.Each is null
            && tasks[s.Task] is TaskKind.Generate or TaskKind.LanguageModel && s.OnFailure.Fails
            && pipeline.Output.References.Count(r => r.Step == s.Name) == 1 && !pipeline.Steps.Any(o => o.Needs.Contains(s.Name, StringComparer.Ordinal)))];

    /// <exception cref="CleaveException">A step failed, and the request fails with it.</exception>
    public ModuleResult Run(long started, TimeProvider clock)
    {
        IReadOnlyList<StepDefinition> writers = Writers(pipeline, tasks);
        foreach (IReadOnlyList<StepDefinition> wave in PipelineOrder.Waves(pipeline))
            Together([.. wave.Except(writers)], writes: false);
        // Whether a writer runs is known before any of them does.
        StepDefinition? streamed = writers.LastOrDefault(w => w.When is null || _outcomes[w.When.Step].Meets(w.When));
        Together([.. writers.Where(w => w != streamed)], writes: true);
        string text = Say(streamed);
        StepOutcome[] ordered = [.. pipeline.Steps.Select(s => _outcomes[s.Name])];
        ModuleResult[] answers = [.. ordered.SelectMany(o => o.Answers)];
        bool cut = pipeline.Output.References.Any(r => _outcomes.TryGetValue(r.Step, out StepOutcome? shown) && shown.Answers.Any(a => a.Finish == FinishReason.Length));
        return new ModuleResult(_choice, text, cut ? FinishReason.Length : FinishReason.Stop, answers.Sum(a => a.PromptTokens), answers.Sum(a => a.CompletionTokens),
            pipeline.Output.Only is { } only ? _outcomes[only.Step].Result.Confidence : null, clock.GetElapsedTime(started))
        { Steps = [.. ordered.Select(o => o.Result)] };
    }

    /// <summary>Says the output; the streamed step runs when its turn in it has come.</summary>
    private string Say(StepDefinition? streamed)
    {
        if (streamed is null)
        {
            // One step alone answers as its module does; within a text, what was found is shown as words.
            string whole = pipeline.Output.Only is { Label: null } only ? _outcomes[only.Step].Result.Output : string.Concat(pipeline.Output.Parts.Select(Shown));
            sink.Chosen(_choice);
            if (whole.Length > 0)
                sink.Text(whole);
            return whole;
        }
        int turn = pipeline.Output.Parts.ToList().FindIndex(p => p.Reference?.Step == streamed.Name);
        string before = string.Concat(pipeline.Output.Parts.Take(turn).Select(Shown)), behind = string.Concat(pipeline.Output.Parts.Skip(turn + 1).Select(Shown));
        var relay = new Relay(sink, _choice, before);
        _outcomes[streamed.Name] = runner.Run(streamed, _outcomes, writes: true, relay, cancellation);
        relay.Chosen(_choice); // a step that was skipped after all has chosen nobody
        if (behind.Length > 0)
            sink.Text(behind);
        return before + _outcomes[streamed.Name].Result.Output + behind;
    }

    private string Shown(TemplatePart part) => part.Literal ?? runner.Text(part.Reference!, _outcomes);

    private void Together(IReadOnlyList<StepDefinition> steps, bool writes)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var outcomes = new StepOutcome?[steps.Count];
        var failures = new ExceptionDispatchInfo?[steps.Count];
        // The steps whose modules compute get threads of their own, but one of them this thread: computing would keep the pool's busy.
        int[] computing = [.. Enumerable.Range(0, steps.Count).Where(i => steps[i].Task is not null)];
        Task[] others = [.. computing.Skip(1).Select(i => Task.Factory.StartNew(() => Guarded(i), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        foreach (int i in Enumerable.Range(0, steps.Count).Except(computing.Skip(1)))
            Guarded(i);
        Task.WaitAll(others, CancellationToken.None);
        cancellation.ThrowIfCancellationRequested();
        // The first in the file's order that failed by itself; the others may have been stopped because of it.
        (failures.FirstOrDefault(f => f is { SourceException: not OperationCanceledException }) ?? failures.FirstOrDefault(f => f is not null))?.Throw();
        for (int i = 0; i < steps.Count; i++)
            _outcomes[steps[i].Name] = outcomes[i]!;

        void Guarded(int i)
        {
            try
            {
                outcomes[i] = runner.Run(steps[i], _outcomes, writes, null, stop.Token);
            }
            catch (Exception e)
            {
                failures[i] = ExceptionDispatchInfo.Capture(e);
                stop.Cancel();
            }
        }
    }

    /// <summary>Says who answers, and what stands before the step's text, once the step does.</summary>
    private sealed class Relay(IResultSink sink, ModuleChoice choice, string before) : IResultSink
    {
        private bool _chosen;

        public void Chosen(ModuleChoice of)
        {
            if (_chosen)
                return;
            _chosen = true;
            sink.Chosen(choice);
            if (before.Length > 0)
                sink.Text(before);
        }

        public void Reading(int promptTokens) => sink.Reading(promptTokens);

        public void Text(string piece) => sink.Text(piece);
    }
}
