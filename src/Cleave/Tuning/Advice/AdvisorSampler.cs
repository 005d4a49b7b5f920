using Cleave.Tuning.Samplers;

namespace Cleave.Tuning.Advice;

/// <summary>
/// A sampler that takes advice: an <see cref="AdviceBandit"/> deals trials between the proposals of an <see cref="Advisor"/> and
/// another sampler, and both see all trials. Without usable advice the other sampler goes on alone; a failing advisor is asked again
/// after 2, 4, 8, … at most 64 trials.
/// </summary>
/// <remarks>
/// With one worker the same study, history and advice log give the same suggestion: what was asked at a trial is in the log, and is taken
/// from there.
/// </remarks>
/// <param name="cancellation">Ends a question that is under way.</param>
public sealed class AdvisorSampler(Advisor advisor, ISampler own, double share, CancellationToken cancellation = default) : ISampler
{
    private const int MostDoublings = 6;
    private readonly AdviceBandit _bandit = new(share);

    public string Name => AdvisorOptions.SamplerName;

    /// <inheritdoc/>
    /// <exception cref="OperationCanceledException">The user interrupted while a question was under way.</exception>
    public ParameterSet? Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        AdviceExchange[] known = [.. advisor.Log.Exchanges.Where(e => e.Trial <= input.Number)];
        if (!_bandit.TakesAdvice(new AdviceRecord(input.Study, known, input.History), input.Number, input.Random(Name)))
            return own.Suggest(input);
        return Open(known.LastOrDefault(), input) ?? (MayAsk(known, input.Number) ? Open(Ask(input), input) : null) ?? own.Suggest(input);
    }

    /// <summary>The first proposal of an exchange that no trial has.</summary>
    private static ParameterSet? Open(AdviceExchange? exchange, SamplerInput input) =>
        exchange?.Proposals.Select(p => p.Parameters).FirstOrDefault(p => !input.History.Any(t => p.Equals(t.Parameters)));

    private AdviceExchange Ask(SamplerInput input) => advisor.Ask(input.Study, input.Number, input.History, cancellation);

    private static bool MayAsk(AdviceExchange[] known, int number)
    {
        int failures = known.Reverse().TakeWhile(e => e.Proposals.Count == 0).Count();
        return failures == 0 ? known.Length == 0 || known[^1].Trial < number : number >= known[^1].Trial + (1 << Math.Min(failures, MostDoublings));
    }
}
