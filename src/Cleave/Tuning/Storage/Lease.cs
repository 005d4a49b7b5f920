namespace Cleave.Tuning.Storage;

/// <summary>The right to write a running trial; it ends when the trial is given to somebody else.</summary>
/// <param name="Token">Differs each time that the trial is started, so that a late writer is told from the present one.</param>
public readonly record struct Lease(int Trial, long Token);

/// <summary>A worker wrote to a trial that is no longer its own: it was silent for too long, and the trial went back to the queue, or the study is gone.</summary>
public sealed class LeaseLostException(string message) : CleaveException(message);
