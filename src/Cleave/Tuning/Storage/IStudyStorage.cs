namespace Cleave.Tuning.Storage;

/// <summary>
/// Keeps one study's trials. A storage numbers trials from 0 without gaps and moves them through
/// waiting → running → finished; whatever it has accepted survives, as far as it promises to survive anything.
/// </summary>
/// <remarks>
/// Who starts a trial holds a <see cref="Lease"/>. Where several processes share a study, a lease that is not renewed in time
/// lets the trial go to whoever claims next, with its parameters and with its intermediate values up to its last checkpoint;
/// from then on the earlier holder's writes are refused. Callers in one process take turns.
/// </remarks>
public interface IStudyStorage : IDisposable
{
    /// <summary>A trial whose workers went away so often fails: it may be what ends them.</summary>
    public const int MostLosses = 10;

    StudyDefinition Definition { get; }

    /// <summary>How the study is run, in the words of its runner; null before they are given.</summary>
    string? Settings { get; }

    /// <summary>How long a trial stays with a silent worker; null where nobody else could take it.</summary>
    TimeSpan? LeaseTime { get; }

    /// <summary>All trials by number, as they were at the last call of any method.</summary>
    IReadOnlyList<Trial> Trials { get; }

    /// <summary>Brings <see cref="Trials"/> and <see cref="Settings"/> up to date with what other processes have done.</summary>
    void Refresh();

    /// <summary>Replaces the settings.</summary>
    void Configure(string settings);

    /// <summary>Adds a waiting trial with the parameters.</summary>
    Trial Enqueue(ParameterSet parameters);

    /// <summary>Starts the first trial that waits or whose lease has run out, else a new one without parameters.</summary>
    /// <param name="worker">Who will run it, for people.</param>
    /// <param name="limit">No new trial is made where the study has so many.</param>
    /// <returns>Null where there is none to start.</returns>
    Lease? Claim(string worker, int limit = int.MaxValue);

    /// <summary>Starts a paused trial again.</summary>
    /// <returns>Null where it is paused no longer.</returns>
    Lease? Resume(int number, string worker);

    /// <summary>Says that the holder is alive.</summary>
    /// <exception cref="LeaseLostException">The trial is somebody else's, or finished; so it is with every method that takes a lease.</exception>
    void Renew(Lease lease);

    /// <summary>Gives a running trial its parameters, once.</summary>
    void SetParameters(Lease lease, ParameterSet parameters);

    /// <summary>Adds an intermediate value to a running trial, and where it can be taken up again, if anywhere; steps rise.</summary>
    void Report(Lease lease, int step, double value, string? checkpoint = null);

    /// <summary>Adds the names of files that a running trial has made.</summary>
    void Attach(Lease lease, IReadOnlyList<string> artifacts);

    /// <summary>Ends a running trial for now, at its checkpoint.</summary>
    void Pause(Lease lease);

    /// <summary>Ends a running trial.</summary>
    void Finish(Lease lease, TrialOutcome outcome);

    /// <summary>Puts a running trial back among the waiting ones, or, before it has parameters, makes the next claim start it.</summary>
    void Release(Lease lease);
}
