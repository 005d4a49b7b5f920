namespace Cleave.Training;

/// <summary>A loss, a gradient or a weight is not a finite number. Nothing of it has been kept.</summary>
public sealed class DivergedException : CleaveException
{
    /// <param name="update">The update that it began at, from 1.</param>
    /// <param name="what">loss or gradient.</param>
    public DivergedException(int update, string what)
        : base($"the {what} is not finite from update {update} on: lower the learning rate, lengthen the warm-up or clip gradients") => Update = update;

    /// <param name="kept">What is left to continue from.</param>
    public DivergedException(DivergedException diverged, string kept) : base($"{diverged?.Message}; {kept}", diverged!) => Update = diverged!.Update;

    /// <summary>The update that it began at, from 1.</summary>
    public int Update { get; }
}
