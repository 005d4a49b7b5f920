namespace Cleave.Tuning.Storage;

/// <summary>
/// Keeps one study's trials. A storage numbers trials from 0 without gaps and moves them through
/// waiting → running → finished; whatever it has accepted survives, as far as it promises to survive anything.
/// A trial that was running when its process died is waiting again when the storage is next opened, with its parameters and
/// with its intermediate values up to its last checkpoint.
/// </summary>
public interface IStudyStorage : IDisposable
{
    StudyDefinition Definition { get; }

    /// <summary>All trials by number.</summary>
    IReadOnlyList<Trial> Trials { get; }

    /// <summary>Adds a waiting trial with the parameters.</summary>
    Trial Enqueue(ParameterSet parameters);

    /// <summary>Starts the first waiting trial, or a new one without parameters where none waits.</summary>
    Trial Claim();

    /// <summary>Gives a running trial its parameters, once.</summary>
    void SetParameters(int number, ParameterSet parameters);

    /// <summary>Adds an intermediate value to a running trial, and where it can be taken up again, if anywhere; steps rise.</summary>
    void Report(int number, int step, double value, string? checkpoint = null);

    /// <summary>Ends a running trial for now, at its checkpoint.</summary>
    void Pause(int number);

    /// <summary>Starts a paused trial again.</summary>
    void Resume(int number);

    /// <summary>Ends a running trial.</summary>
    void Finish(int number, TrialOutcome outcome);

    /// <summary>Puts a running trial back among the waiting ones, or, before it has parameters, makes the next claim start it.</summary>
    void Release(int number);
}
