namespace Cleave.Tuning.Samplers;

/// <summary>What a study of several objectives is for: the best of one among the trials that are good enough in another.</summary>
/// <param name="Objective">The index of what is to be best; its values are above 0 and are compared by their ratios.</param>
/// <param name="Limited">The index of what has to be good enough.</param>
/// <param name="Line">How good that is, at least (or at most, where it is minimized).</param>
public sealed record StudyGoal(int Objective, int Limited, double Line);

/// <summary>
/// Looks for a goal instead of a whole front: shows a study of several objectives to another sampler as one objective with one constraint. A stopped trial
/// counts with the last value that it reported, which is of the first objective.
/// </summary>
/// <param name="goal">Asked for at the first suggestion: the line may take a while to find.</param>
/// <param name="inner">A sampler that heeds constraints.</param>
public sealed class GoalSampler(Lazy<StudyGoal> goal, ISampler inner) : ISampler
{
    public string Name => inner.Name;

    public ParameterSet? Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        StudyDefinition study = input.Study;
        StudyGoal aim = goal.Value;
        return inner.Suggest(input with
        {
            Study = new StudyDefinition(study.Name, study.Space, study.Directions[aim.Objective], study.Seed),
            History = [.. input.History.Select(t => Seen(t, aim, study.Directions))],
        });
    }

    private static Trial Seen(Trial trial, StudyGoal aim, IReadOnlyList<Direction> directions)
    {
        double Missing(double value) => directions[aim.Limited] == Direction.Maximize ? aim.Line - value : value - aim.Line;
        var seen = new Trial(trial.Number, trial.State) { Parameters = trial.Parameters };
        if (trial.State == TrialState.Complete)
        {
            seen.Values = [Math.Log(Math.Max(trial.Values[aim.Objective], double.Epsilon))];
            seen.Constraints = [Missing(trial.Values[aim.Limited])];
        }
        else if (trial.IsStopped && aim.Limited == 0 && trial.Steps.Count > 0 && double.IsFinite(trial.Steps[^1].Value))
        {
            seen.Constraints = [Missing(trial.Steps[^1].Value)];
        }
        return seen;
    }
}
