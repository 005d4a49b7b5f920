namespace Cleave.Tuning.Pruners;

/// <summary>
/// Decides, after an intermediate result, whether a trial is worth finishing. Like a sampler it keeps nothing;
/// intermediate values are judged in the first objective's direction.
/// </summary>
public interface IPruner
{
    string Name { get; }

    /// <param name="trials">All trials of the study, the judged one included.</param>
    /// <param name="trial">A running trial with one or more intermediate values.</param>
    bool ShouldStop(Direction direction, IReadOnlyList<Trial> trials, Trial trial);

    /// <summary>The paused trial that deserves to go on after all, by what others have done since.</summary>
    Trial? Promote(Direction direction, IReadOnlyList<Trial> trials) => null;
}

/// <summary>Lets every trial finish.</summary>
public sealed class NoPruner : IPruner
{
    public string Name => "none";

    public bool ShouldStop(Direction direction, IReadOnlyList<Trial> trials, Trial trial) => false;
}
