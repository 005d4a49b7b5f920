namespace Cleave.Tuning.Advice;

/// <summary>
/// Asks a model for parameter sets and keeps what came of it. An answer that is wrong, late or missing is an exchange without proposals,
/// never an exception; only the user's interruption and a log that cannot be written end a study.
/// </summary>
/// <param name="log">The study's, open for as long as the advisor is used.</param>
public sealed class Advisor(IAdviceModel model, AdviceBriefing briefing, AdviceLog log, TimeSpan timeout, TimeProvider clock)
{
    /// <summary>Asked for at once: enough that a question pays, few enough that results come back between questions.</summary>
    public const int ProposalsAsked = 4;

    public AdviceLog Log => log;

    /// <summary>Asks for the next trials of a study.</summary>
    /// <param name="trial">The trial that needs parameters.</param>
    /// <exception cref="OperationCanceledException">The user interrupted; nothing is kept.</exception>
    public AdviceExchange Ask(StudyDefinition study, int trial, IReadOnlyList<Trial> history, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(history);
        (AdviceExchange exchange, AdvicePrompt? prompt, string? answer, _) = AskOnce(study, trial, history, ProposalsAsked, narrowing: false, cancellation);
        log.Append(exchange, prompt, answer);
        return exchange;
    }

    /// <summary>Asks once for people to look at, ranges included.</summary>
    /// <inheritdoc cref="Ask"/>
    public (AdviceExchange Exchange, IReadOnlyList<ParameterConstraint> Narrowings) Recommend(StudyDefinition study, IReadOnlyList<Trial> history, int proposals, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(history);
        int trial = Math.Max(history.Count, log.Exchanges.Count == 0 ? 0 : log.Exchanges[^1].Trial);
        (AdviceExchange exchange, AdvicePrompt? prompt, string? answer, IReadOnlyList<ParameterConstraint> narrowings) = AskOnce(study, trial, history, proposals, narrowing: true, cancellation);
        log.Append(exchange, prompt, answer);
        return (exchange, narrowings);
    }

    private (AdviceExchange Exchange, AdvicePrompt? Prompt, string? Answer, IReadOnlyList<ParameterConstraint> Narrowings) AskOnce(
        StudyDefinition study, int trial, IReadOnlyList<Trial> history, int proposals, bool narrowing, CancellationToken cancellation)
    {
        AdvicePrompt? prompt = null;
        string? answer = null;
        try
        {
            prompt = briefing.Prompt(study, history, proposals, narrowing, model.MostPromptCharacters);
            answer = Answer(prompt, cancellation);
            AdviceAnswer read = new AnswerReader(study.Space).Read(answer, history.Select(t => t.Parameters!), proposals);
            string? error = read.Proposals.Count > 0 ? null : read.Refused.Count > 0 ? "no proposal could be taken: " + read.Refused[0] : "the answer proposes nothing";
            return (new AdviceExchange(trial, model.Name, error, read.Proposals, read.Refused), prompt, answer, read.Narrowings);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested) // whatever a model and its server throw
        {
            string error = e is TimeoutException or OperationCanceledException ? FormattableString.Invariant($"no answer within {timeout.TotalSeconds:0.###} s") : AnswerReader.Line(e.Message);
            return (new AdviceExchange(trial, model.Name, error, [], []), prompt, answer, []);
        }
    }

    private string Answer(AdvicePrompt prompt, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        // A model that does not listen to the token is left behind.
        Task<string> asking = Task.Run(() => model.AskAsync(prompt, either.Token), either.Token);
        return asking.WaitAsync(timeout, clock, cancellation).GetAwaiter().GetResult();
    }
}
