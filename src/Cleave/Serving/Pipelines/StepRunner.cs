using Cleave.Data;
using Cleave.Models.Sampling.Grammars;
using Cleave.Splitting.Pipelines;

namespace Cleave.Serving.Pipelines;

/// <summary>Runs single steps of one request: what they read, their parts, their limits and their failures.</summary>
/// <param name="countTokens">Tokens of a text for a task's module.</param>
internal sealed class StepRunner(PipelineDefinition pipeline, IModuleHost host, Func<string, string, int> countTokens, ModuleRequest request, TimeProvider clock)
{
    /// <param name="outcomes">Of the steps that it needs.</param>
    /// <param name="writes">Whether the step writes the pipeline's answer: then the request's sampling is its own.</param>
    /// <param name="sink">Hears the answer while it is made, or null.</param>
    /// <exception cref="CleaveException">The step failed, and the request fails with it.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    public StepOutcome Run(StepDefinition step, IReadOnlyDictionary<string, StepOutcome> outcomes, bool writes, IResultSink? sink, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        long started = clock.GetTimestamp();
        TaskKind? kind = step.Task is null ? null : host.Modules.First(m => m.Name == step.Task).Kind;
        if (step.When is { } when && !outcomes[when.Step].Meets(when))
            return Without(StepState.Skipped, "", "its condition does not hold");
        string text = Render(step.Text, outcomes);
        if (step.Task is null)
            return new StepOutcome(Result(StepState.Done, text, null), [], null);
        if (string.IsNullOrWhiteSpace(text))
            return Without(StepState.Skipped, "", "there is nothing to read");
        try
        {
            return Combined(Answers(step, text, outcomes, writes, sink, cancellation));
        }
        catch (CleaveException e) when (!step.OnFailure.Fails)
        {
            return Without(step.OnFailure.Skips ? StepState.Skipped : StepState.Default, step.OnFailure.Default ?? "", e.Message);
        }
        catch (CleaveException e)
        {
            throw Located(step, e);
        }

        StepOutcome Without(StepState state, string output, string reason) => new(Result(state, output, reason), [], null);

        StepOutcome Combined(List<(int Start, ModuleResult Answer)> answers)
        {
            IReadOnlyList<FoundSpan>? spans = kind != TaskKind.Extract ? null
                : [.. answers.SelectMany(a => FoundSpan.Read(a.Answer.Text).Select(s => s with { Start = s.Start + a.Start, End = s.End + a.Start }))];
            string output = spans is null ? string.Join(step.Separator, answers.Select(a => a.Answer.Text)) : FoundSpan.Write(spans);
            string[] modules = [.. answers.Select(a => a.Answer.Choice.Module).Distinct(StringComparer.Ordinal)];
            StepResult result = Result(StepState.Done, output, null) with { Module = string.Join('+', modules), Confidence = answers.Min(a => a.Answer.Confidence), Parts = answers.Count };
            return new StepOutcome(result, [.. answers.Select(a => a.Answer)], spans);
        }

        StepResult Result(StepState state, string output, string? reason) => new(step.Name, step.Task, kind, null, state, output, null, clock.GetElapsedTime(started), 0, reason);
    }

    /// <summary>What a template shows for a reference.</summary>
    public string Text(StepReference reference, IReadOnlyDictionary<string, StepOutcome> outcomes) =>
        reference.Step == StepTemplate.Input ? request.Text : outcomes[reference.Step].Text(reference.Label);

    private string Render(StepTemplate template, IReadOnlyDictionary<string, StepOutcome> outcomes) => template.Render(r => Text(r, outcomes));

    private List<(int Start, ModuleResult Answer)> Answers(StepDefinition step, string text, IReadOnlyDictionary<string, StepOutcome> outcomes, bool writes, IResultSink? sink, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(step.Limit ?? Timeout.InfiniteTimeSpan, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        string? question = step.Question is { } asked ? Render(asked, outcomes) : null;
        var answers = new List<(int, ModuleResult)>();
        try
        {
            foreach (Range part in Parts(step, text))
            {
                both.Token.ThrowIfCancellationRequested();
                int start = part.Start.GetOffset(text.Length);
                answers.Add((start, host.Run(Request(step, text[part], question, writes), sink ?? Silence.Sink, both.Token)));
            }
            limit.Token.ThrowIfCancellationRequested(); // an answer that came too late is none, whether its module noticed or not
            return answers;
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new StepTimeoutException($"it took longer than its limit of {step.Limit!.Value.TotalMilliseconds:0.###} ms", e);
        }
    }

    private IReadOnlyList<Range> Parts(StepDefinition step, string text) => step.Each switch
    {
        null => [Range.All],
        { Tokens: { } most } => TextChunks.Tokens(text, most, part => countTokens(step.Task!, part)),
        _ => TextChunks.Sentences(text),
    };

    // A step that reads just the input is asked as its module alone would be, with the whole conversation.
    private ModuleRequest Request(StepDefinition step, string text, string? question, bool writes)
    {
        bool asGiven = step is { Each: null, Question: null } && step.Text.Only == StepTemplate.OfInput.Only;
        ModuleRequest own = writes ? request : new ModuleRequest { Module = step.Task! };
        return own with
        {
            Module = step.Task!,
            Prompt = asGiven ? request.Prompt : question is null ? text : null,
            Messages = asGiven ? request.Messages : question is null ? [] : [new ChatMessage(ChatRole.System, question), new ChatMessage(ChatRole.User, text)],
        };
    }

    // What the request itself is to blame for stays so, with the step's name before it.
    private CleaveException Located(StepDefinition step, CleaveException e)
    {
        string message = $"pipeline '{pipeline.Name}', step '{step.Name}': {e.Message}";
        return e switch
        {
            GrammarException => e,
            RequestException r => new RequestException(message, r.Parameter, r.Code),
            CapacityException => new CapacityException(message),
            BusyException b => new BusyException(message, b.RetryAfterSeconds),
            StepTimeoutException => new StepTimeoutException(message, e),
            _ => new CleaveException(message, e),
        };
    }
}
