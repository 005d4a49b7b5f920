using Cleave.Numerics;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Deals items into batches of about as many tokens each. An epoch's order is a function of the seed and the epoch.
/// </summary>
public sealed class TaskBatches(IReadOnlyList<TaskItem> items, int tokensPerBatch, ulong seed)
{
    /// <summary>The batches of an epoch; every item is in one of them.</summary>
    public IReadOnlyList<IReadOnlyList<TaskItem>> Epoch(int epoch)
    {
        TaskItem[] order = [.. items];
        Rng.For(seed, $"batches of epoch {epoch}").Shuffle(order.AsSpan());
        var batches = new List<IReadOnlyList<TaskItem>>();
        var batch = new List<TaskItem>();
        int tokens = 0;
        foreach (TaskItem item in order)
        {
            if (batch.Count > 0 && tokens + item.Tokens > tokensPerBatch)
            {
                batches.Add(batch);
                (batch, tokens) = ([], 0);
            }
            batch.Add(item);
            tokens += item.Tokens;
        }
        if (batch.Count > 0)
            batches.Add(batch);
        return batches;
    }
}
