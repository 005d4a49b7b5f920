namespace Cleave.Splitting.SingleTask;

/// <summary>The lowest confidence from which a model is right often enough, as validation items show it.</summary>
/// <param name="Confidence">The threshold itself counts as sure enough.</param>
/// <param name="Accuracy">Of the validation items at or above it.</param>
/// <param name="Items">How many these are.</param>
public sealed record ConfidenceThreshold(double Confidence, double Accuracy, int Items)
{
    /// <summary>Fewer validation items at or above a confidence say nothing about it.</summary>
    public const int LeastItems = 20;

    /// <returns>Null where no confidence gives the accuracy on <see cref="LeastItems"/> items.</returns>
    public static ConfidenceThreshold? Find(IEnumerable<(double Confidence, bool Right)> validation, double accuracy)
    {
        ConfidenceThreshold? best = null;
        int items = 0, right = 0;
        // Items of the same confidence stand or fall together.
        foreach (var same in validation.GroupBy(v => v.Confidence).OrderByDescending(g => g.Key))
        {
            items += same.Count();
            right += same.Count(v => v.Right);
            if (items >= LeastItems && right >= accuracy * items)
                best = new ConfidenceThreshold(same.Key, (double)right / items, items);
        }
        return best;
    }
}
