namespace Cleave.Tuning.Samplers.Proposals;

/// <summary>What a sampler would try next.</summary>
public static class NextTrials
{
    /// <summary>The sets that it would start one after the other without hearing of any of them.</summary>
    /// <param name="history">Trials with parameters; those that do not fit the study's space are left out.</param>
    public static IReadOnlyList<ParameterSet> Of(ISampler sampler, StudyDefinition study, IReadOnlyList<Trial> history, int count)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(history);
        List<Trial> known = [.. history.Where(t => study.Space.Problems(t.Parameters!).Count == 0)];
        int number = history.Count == 0 ? 0 : history.Max(t => t.Number) + 1;
        var sets = new List<ParameterSet>();
        while (sets.Count < count && sampler.Suggest(new SamplerInput(study, number, known)) is { } set)
        {
            sets.Add(set);
            known.Add(new Trial(number++, TrialState.Running) { Parameters = set });
        }
        return sets;
    }
}
