using System.Globalization;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Splitting.Modules;

namespace Cleave.Splitting.Certificates;

/// <summary>
/// The verdict on one module: how it and the monolith do on test items that no trial saw, and whether it is not worse by
/// more than the margin.
/// </summary>
/// <param name="Monolith">The monolith's metric with its interval.</param>
/// <param name="Module">The module's.</param>
/// <param name="Test">The paired test of the difference.</param>
/// <param name="Escalation">When the module hands over to the monolith; chosen on validation items.</param>
public sealed record Certificate(ConfidenceInterval Monolith, ConfidenceInterval Module, NonInferiorityResult Test, Escalation Escalation)
{
    public const double Confidence = 0.95;

    public bool Passed => Test.Passed;

    /// <summary>The verdict in plain words.</summary>
    public string Sentence
    {
        get
        {
            string numbers = string.Create(CultureInfo.InvariantCulture,
                $"{Test.MetricName} {Test.Candidate:0.000} against {Test.Reference:0.000} for the monolith, on {Test.Items} items that no trial saw");
            string bound = string.Create(CultureInfo.InvariantCulture, $"With {Confidence:0%} confidence the module is at most {Math.Max(0, -Test.LowerBound):0.000} worse");
            return Passed
                ? string.Create(CultureInfo.InvariantCulture, $"{numbers}. {bound}, within the margin of {Test.Margin:0.###}.")
                : string.Create(CultureInfo.InvariantCulture, $"{numbers}. {bound}, which is beyond the margin of {Test.Margin:0.###}: not certified.");
        }
    }

    /// <summary>Tests a module on a task's test items.</summary>
    public static (Certificate Certificate, IReadOnlyList<Prediction> Monolith, IReadOnlyList<Prediction> Module) Examine(
        TaskContext task, ITaskModule monolith, ITaskModule module, ulong seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(monolith);
        ArgumentNullException.ThrowIfNull(module);
        Metric metric = task.Definition.Metric;
        TaskDataset data = task.Data;
        IReadOnlyList<Prediction> reference = monolith.Predict(data.Test, cancellation), candidate = module.Predict(data.Test, cancellation);
        NonInferiorityMethod method = metric.Name == Metric.Accuracy.Name ? NonInferiorityMethod.PairedScore : NonInferiorityMethod.PairedBootstrap;
        NonInferiorityResult test = NonInferiority.Test(metric, data.Test, reference, candidate, task.Definition.Margin, Confidence, task.Seed(seed, "certificate"), method);
        Escalation escalation = Escalation.Choose(metric, data.Validation, module.Predict(data.Validation, cancellation), monolith.Predict(data.Validation, cancellation));
        var certificate = new Certificate(
            ConfidenceInterval.Of(metric.Score(data.Test, reference), Confidence, seed: task.Seed(seed, "interval")),
            ConfidenceInterval.Of(metric.Score(data.Test, candidate), Confidence, seed: task.Seed(seed, "interval")), test, escalation);
        return (certificate, reference, candidate);
    }

    public JsonObject ToJson() => new()
    {
        ["passed"] = Passed,
        ["method"] = Test.Method,
        ["metric"] = Test.MetricName,
        ["monolith"] = Interval(Monolith),
        ["module"] = Interval(Module),
        ["difference"] = Test.Difference,
        ["lower_bound"] = Test.LowerBound,
        ["margin"] = Test.Margin,
        ["confidence"] = Test.Confidence,
        ["p_value"] = Test.PValue,
        ["items"] = Test.Items,
        ["sentence"] = Sentence,
        ["escalation"] = new JsonObject { ["threshold"] = Escalation.Threshold, ["rate"] = Escalation.Rate, ["cascade"] = Escalation.Cascade, ["items"] = Escalation.Items },
    };

    private static JsonObject Interval(ConfidenceInterval interval) => new()
    {
        ["value"] = interval.Value,
        ["low"] = interval.Low,
        ["high"] = interval.High,
        ["confidence"] = interval.Confidence,
        ["method"] = interval.Method,
        ["items"] = interval.Items,
    };
}
