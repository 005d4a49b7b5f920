using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Splitting.Projects;
using Cleave.Tuning.Advice;

namespace Cleave.Splitting.Studies;

/// <summary>What an advisor is told of a task: what its modules are for, and what its data is like.</summary>
public static class TaskBriefing
{
    private const int MostLabels = 20;

    public static AdviceBriefing Of(TaskContext task, UnderstoodRequest request)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(request);
        return new AdviceBriefing($"Recipes of small modules for the task '{task.Name}' ({ProjectReader.NameOf(task.Kind)}), which are distilled from a larger model. Objectives: "
            + $"validation {task.Definition.Metric.Name}{(task.Definition.Metric.HigherIsBetter ? "" : ", negated")}, computed nanoseconds an item, bytes.", Statistics(task.Data.Report, task.MeanTokens), request);
    }

    /// <summary>Counts, lengths and labels; of many labels the most and the least frequent.</summary>
    private static JsonObject Statistics(CleaningReport report, double meanTokens)
    {
        LabelCount[] labels = [.. report.Labels.OrderByDescending(l => l.Train).ThenBy(l => l.Label, StringComparer.Ordinal)];
        LabelCount[] shown = labels.Length <= MostLabels ? labels : [.. labels[..(MostLabels / 2)], .. labels[^(MostLabels / 2)..]];
        return new JsonObject
        {
            ["training_items"] = report.Train,
            ["validation_items"] = report.Validation,
            ["test_items"] = report.Test,
            ["median_characters"] = report.TextLength.Median,
            ["p95_characters"] = report.TextLength.P95,
            ["mean_tokens"] = Math.Round(meanTokens, 1),
            ["near_duplicates"] = report.NearDuplicates,
            ["texts_with_several_labels"] = report.ConflictingTexts,
            ["labels"] = labels.Length,
            ["imbalance"] = Math.Round(report.ImbalanceRatio, 2),
            ["items_by_label"] = new JsonObject(shown.Select(l => KeyValuePair.Create(l.Label, (JsonNode?)l.Train))),
        };
    }
}
