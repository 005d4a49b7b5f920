namespace Cleave.Training.FineTuning;

/// <summary>What a micro-batch counts in its update, from 0 to 1.</summary>
/// <param name="Rows">Its supervised rows (or pairs) of all of the update.</param>
/// <param name="Classes">The same by the weights of the rows' classes; as <paramref name="Rows"/> where all count alike.</param>
public readonly record struct LossShare(float Rows, float Classes)
{
    /// <summary>Of an update's only batch.</summary>
    public static LossShare Whole => new(1, 1);
}

/// <summary>
/// Makes the micro-batches of an update count as one large batch would: each by what it has of all that the update learns from, not each the same.
/// Every process that takes some of them knows the plan of all, so that nothing has to be exchanged.
/// </summary>
/// <param name="plan">Every micro-batch of the run.</param>
/// <param name="accumulate">Micro-batches an update.</param>
/// <param name="count">What a micro-batch's mean loss is over: rows, and rows by the weights of their classes.</param>
internal sealed class UpdateShares(IReadOnlyList<IReadOnlyList<TaskItem>> plan, int accumulate, Func<IReadOnlyList<TaskItem>, (double Rows, double Classes)> count)
{
    private int _step = -1;
    private double _rows, _classes;

    /// <param name="step">The update, from 0.</param>
    /// <param name="micro">Which of its micro-batches.</param>
    public LossShare Of(int step, int micro)
    {
        if (accumulate == 1)
            return LossShare.Whole;
        if (step != _step)
        {
            (_step, _rows, _classes) = (step, 0, 0);
            for (int i = 0; i < accumulate; i++)
            {
                (double rows, double classes) = count(Batch(step, i));
                (_rows, _classes) = (_rows + rows, _classes + classes);
            }
        }
        (double own, double ownClasses) = count(Batch(step, micro));
        return new LossShare(own > 0 ? (float)(own / _rows) : 0, ownClasses > 0 ? (float)(ownClasses / _classes) : 0);
    }

    /// <summary>A micro-batch's items.</summary>
    public IReadOnlyList<TaskItem> Batch(int step, int micro) => plan[(int)(((long)step * accumulate + micro) % plan.Count)];
}
