using Cleave.Data;
using Cleave.Evaluation;

namespace Cleave.Splitting;

/// <summary>What the simplest methods reach on a task's test items: a module that they beat is no module.</summary>
public static class PlainBaselines
{
    public static IReadOnlyList<Baseline> Measure(TaskContext task, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.Kind != TaskKind.Classify)
            return [];
        TaskDataset data = task.Data;
        string majority = data.Train.GroupBy(e => e.Label!, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ThenBy(g => g.Key, StringComparer.Ordinal).First().Key;
        return [Of("majority class", task, [.. data.Test.Select(_ => new Prediction { Label = majority })], seed)];
    }

    private static Baseline Of(string name, TaskContext task, IReadOnlyList<Prediction> predictions, ulong seed) =>
        new(name, ConfidenceInterval.Of(task.Definition.Metric.Score(task.Data.Test, predictions), seed: task.Seed(seed, name)));
}
