using System.Globalization;
using System.Text.Json;
using Cleave.Evaluation;
using Cleave.Splitting.SingleTask;

namespace Cleave.Cli.Commands;

/// <summary>What unlabelled texts added to a training, and what that changed.</summary>
internal static class SelfTrainingFigures
{
    public static void Show(TextWriter output, Metric metric, SelfTrainingResult r, ConfidenceInterval after)
    {
        output.WriteLine(r.Threshold is not { } threshold
            ? $"unlabelled: nothing was added: there is no confidence from which at least {ConfidenceThreshold.LeastItems} validation items are right as often as was asked for"
            : string.Create(CultureInfo.InvariantCulture, $"unlabelled: {r.Added.Sum(a => a.Count)} of {r.Texts} texts added ({string.Join(", ", r.Added.Where(a => a.Count > 0).Select(a => $"{a.Label} {a.Count}"))}), ")
              + string.Create(CultureInfo.InvariantCulture, $"from a confidence of {threshold:0.000} on, where {100 * r.ThresholdAccuracy:0.0}% of {r.ThresholdItems} validation items are right; ")
              + $"{r.Disagreed} that two models label differently, {r.Known} that were there already, {r.Refused} refused as nearly validation or test items");
        output.WriteLine($"{metric.Name} without them {r.Before}, with them {after}");
    }

    public static void Write(Utf8JsonWriter w, SelfTrainingResult r)
    {
        w.WriteStartObject("self_training");
        w.WriteNumber("texts", r.Texts);
        w.WriteNumber("known", r.Known);
        w.WriteNumber("refused", r.Refused);
        if (r.Threshold is { } threshold)
        {
            w.WriteNumber("threshold", threshold);
            w.WriteNumber("validation_accuracy", r.ThresholdAccuracy);
            w.WriteNumber("validation_items", r.ThresholdItems);
        }
        w.WriteNumber("disagreed", r.Disagreed);
        w.WriteNumber("added", r.Added.Sum(a => a.Count));
        w.WriteStartObject("added_by_label");
        foreach ((string label, int count) in r.Added)
            w.WriteNumber(label, count);
        w.WriteEndObject();
        w.WriteNumber("metric_before", r.Before.Value);
        w.WriteNumber("metric_before_low", r.Before.Low);
        w.WriteNumber("metric_before_high", r.Before.High);
        w.WriteNumber("validation_before", r.ValidationBefore);
        w.WriteEndObject();
    }
}
