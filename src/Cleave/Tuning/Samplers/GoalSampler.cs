namespace Cleave.Tuning.Samplers;

/// <summary>What a study of several objectives is for: the best of one among the trials that are good enough.</summary>
/// <param name="Objective">The index of what is to be best; its values are above 0 and are compared by their ratios.</param>
/// <param name="Missing">
/// For each trial of a history how much it lacks to be good enough, on any scale: 0 and below is enough. Null for one that tells nothing, never for a complete one.
/// </param>
public sealed record StudyGoal(int Objective, Func<IReadOnlyList<Trial>, IReadOnlyList<double?>> Missing);

/// <summary>Looks for a goal instead of a whole front: shows a study of several objectives to another sampler as one objective with one constraint.</summary>
/// <param name="inner">A sampler that heeds constraints.</param>
public sealed class GoalSampler(StudyGoal goal, ISampler inner) : ISampler
{
    public string Name => inner.Name;

    public ParameterSet? Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        StudyDefinition study = input.Study;
        return inner.Suggest(input with
        {
            Study = new StudyDefinition(study.Name, study.Space, study.Directions[goal.Objective], study.Seed),
            History = [.. input.History.Zip(goal.Missing(input.History), Seen)],
        });
    }

    private Trial Seen(Trial trial, double? missing) => new(trial.Number, trial.State)
    {
        Parameters = trial.Parameters,
        Values = trial.State == TrialState.Complete ? [Math.Log(Math.Max(trial.Values[goal.Objective], double.Epsilon))] : [],
        Constraints = missing is { } m ? [m] : [],
    };
}
