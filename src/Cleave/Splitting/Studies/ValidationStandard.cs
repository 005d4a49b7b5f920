using Cleave.Evaluation;
using Cleave.Splitting.Certificates;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;

namespace Cleave.Splitting.Studies;

/// <summary>What the monolith does on a task's validation items, and what they tell of a module's certificate.</summary>
internal sealed class ValidationStandard(SplitProject project, TaskContext task, Monolith monolith)
{
    private IReadOnlyList<Prediction>? _reference;

    /// <summary>The monolith's metric.</summary>
    public double Quality(CancellationToken cancellation) => QualityOf(Reference(cancellation));

    /// <summary>The study's value of what is just within the margin of the monolith.</summary>
    public double Line(CancellationToken cancellation) => TaskTrials.Sign(task) * Quality(cancellation) - task.Definition.Margin;

    public double QualityOf(IReadOnlyList<Prediction> predictions) => task.Definition.Metric.Score(task.Data.Validation, predictions).Value();

    /// <summary>As <see cref="CertificateForecast.Headroom"/>.</summary>
    public double Headroom(IReadOnlyList<Prediction> predictions, CancellationToken cancellation) => CertificateForecast.Headroom(task.Definition.Metric, task.Data.Validation,
        Reference(cancellation), predictions, task.Definition.Margin, task.Data.Test.Count, task.Seed(project.Seed, "validation test"));

    private IReadOnlyList<Prediction> Reference(CancellationToken cancellation) => _reference ??= monolith.View(task.Name).Predict(task.Data.Validation, cancellation);
}
