using Cleave.Data.Balancing;
using Cleave.Numerics;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Deals items into batches of about as many tokens each. An epoch's items and their order are a function of the seed and the epoch.
/// </summary>
/// <param name="sampling">By class, for items of a classification; else none.</param>
public sealed class TaskBatches(IReadOnlyList<TaskItem> items, int tokensPerBatch, ulong seed, ClassSampling sampling = ClassSampling.None)
{
    private readonly ClassSampler _sampler = new(sampling, [.. items.Select(i => sampling == ClassSampling.None ? 0 : i.Targets[0])]);

    /// <summary>The batches of an epoch; unless sampling says otherwise, every item is in one of them.</summary>
    public IReadOnlyList<IReadOnlyList<TaskItem>> Epoch(int epoch)
    {
        TaskItem[] order = [.. _sampler.Epoch(Rng.For(seed, $"batches of epoch {epoch}")).Select(i => items[i])];
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
