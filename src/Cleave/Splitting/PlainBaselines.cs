using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Baselines;
using Cleave.Models.Sampling;

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
        int[] labels = task.LabelIndices(data.Train);
        string majority = data.Labels[MajorityBaseline.Fit(labels, data.Labels.Count).Label];
        TfidfLogisticRegression regression = TfidfLogisticRegression.Fit([.. data.Train.Select(e => e.Text)], labels, data.Labels.Count);
        return [
            Of("majority class", task, [.. data.Test.Select(_ => new Prediction { Label = majority })], seed),
            Of("TF-IDF + logistic regression", task,
                [.. data.Test.Select(e => new Prediction { Label = data.Labels[TokenSampler.ArgMax(regression.Predict(e.Text))] })], seed),
        ];
    }

    private static Baseline Of(string name, TaskContext task, IReadOnlyList<Prediction> predictions, ulong seed) =>
        new(name, ConfidenceInterval.Of(task.Definition.Metric.Score(task.Data.Test, predictions), seed: task.Seed(seed, name)));
}
