namespace Cleave.Formats.TensorBoard;

/// <summary>One point of a curve.</summary>
/// <param name="WallTime">Seconds since 1970, UTC.</param>
public sealed record ScalarEvent(string Tag, long Step, float Value, double WallTime);

/// <summary>The curves of an event file.</summary>
/// <param name="Truncated">Whether the file ends inside a record, as after a crash; what stands before it is whole.</param>
public sealed record EventLog(string FileVersion, IReadOnlyList<ScalarEvent> Scalars, int Records, bool Truncated);
