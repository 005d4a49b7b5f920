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
/// <param name="Escalation">When the module hands over to the monolith.</param>
public sealed record Certificate(ConfidenceInterval Monolith, ConfidenceInterval Module, NonInferiorityResult Test, Escalation Escalation)
{
    public const double Confidence = 0.95;

    public bool Passed => Test.Passed;

    /// <summary>What module and monolith together do on test items that the threshold was not chosen on, where the risk was controlled; else null.</summary>
    public CascadeCheck? Cascade { get; init; }

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
    /// <param name="risk">What an item's score may be expected to lose by staying with the module; null: the threshold that reaches the monolith on validation items.</param>
    public static (Certificate Certificate, IReadOnlyList<Prediction> Monolith, IReadOnlyList<Prediction> Module) Examine(
        TaskContext task, ITaskModule monolith, ITaskModule module, ulong seed, double? risk, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(monolith);
        ArgumentNullException.ThrowIfNull(module);
        Metric metric = task.Definition.Metric;
        TaskDataset data = task.Data;
        IReadOnlyList<Prediction> reference = monolith.Predict(data.Test, cancellation), candidate = module.Predict(data.Test, cancellation);
        NonInferiorityMethod method = metric.Name == Metric.Accuracy.Name ? NonInferiorityMethod.PairedScore : NonInferiorityMethod.PairedBootstrap;
        NonInferiorityResult test = NonInferiority.Test(metric, data.Test, reference, candidate, task.Definition.Margin, Confidence, task.Seed(seed, "certificate"), method);
        (Escalation escalation, CascadeCheck? check) = Escalate(task, monolith, module, reference, candidate, risk, cancellation);
        var certificate = new Certificate(
            ConfidenceInterval.Of(metric.Score(data.Test, reference), Confidence, seed: task.Seed(seed, "interval")),
            ConfidenceInterval.Of(metric.Score(data.Test, candidate), Confidence, seed: task.Seed(seed, "interval")), test, escalation)
        { Cascade = check };
        return (certificate, reference, candidate);
    }

    /// <summary>
    /// With a risk: the threshold that keeps it on every second test item, and what it comes to on the others. Validation items chose the
    /// module, so a bound from them would not hold; test items chose nothing. Without one, and for perplexity, whose scores have no bounds,
    /// the threshold that reaches the monolith on validation items.
    /// </summary>
    private static (Escalation Escalation, CascadeCheck? Check) Escalate(TaskContext task, ITaskModule monolith, ITaskModule module,
        IReadOnlyList<Prediction> reference, IReadOnlyList<Prediction> candidate, double? risk, CancellationToken cancellation)
    {
        Metric metric = task.Definition.Metric;
        IReadOnlyList<Example> validation = task.Data.Validation, test = task.Data.Test;
        if (risk is not { } most || test.Count < 2 || ItemScores.Of(metric, test, candidate) is not { } own)
            return (Escalation.Choose(metric, validation, module.Predict(validation, cancellation), monolith.Predict(validation, cancellation)), null);
        IReadOnlyList<double> scores = ItemScores.Of(metric, test, reference)!;
        Escalation chosen = Escalation.Control(metric, Half(test, 0), Half(candidate, 0), Half(reference, 0), Half(own, 0), Half(scores, 0), most);
        return (chosen, CascadeCheck.Of(metric, Half(test, 1), Half(candidate, 1), Half(reference, 1), chosen.Threshold));

        static T[] Half<T>(IReadOnlyList<T> items, int first) => [.. items.Where((_, i) => i % 2 == first)];
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
        ["escalation"] = EscalationJson(),
    };

    private JsonObject EscalationJson()
    {
        var json = new JsonObject { ["threshold"] = Escalation.Threshold, ["rate"] = Escalation.Rate, ["cascade"] = Escalation.Cascade, ["items"] = Escalation.Items };
        if (Cascade is not { } check)
            return json;
        (json["method"], json["risk"]) = ("conformal risk control", Escalation.Risk);
        json["test"] = new JsonObject { ["rate"] = check.Rate, ["cascade"] = check.Quality, ["shortfall"] = check.Shortfall, ["items"] = check.Items };
        return json;
    }

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
