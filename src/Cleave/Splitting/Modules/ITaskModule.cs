using Cleave.Data;
using Cleave.Evaluation;

namespace Cleave.Splitting.Modules;

/// <summary>
/// A model that answers for one task: a module, or the monolith seen through one task. Not safe for use from two
/// threads at once.
/// </summary>
public interface ITaskModule : IDisposable
{
    string Task { get; }
    TaskKind Kind { get; }

    /// <summary>Classes, or span labels; empty for generation.</summary>
    IReadOnlyList<string> Labels { get; }

    /// <summary>Bytes of the weights as they are stored.</summary>
    long WeightBytes { get; }

    long Parameters { get; }

    /// <summary>One prediction an item, with calibrated confidences. Only texts and questions of the items are read.</summary>
    IReadOnlyList<Prediction> Predict(IReadOnlyList<Example> items, CancellationToken cancellation = default);
}

/// <summary>A module that gives one class a text, from logits that a teacher or a calibration can use.</summary>
public interface IClassifierModule : ITaskModule
{
    /// <summary>Uncalibrated logits by item, one a label.</summary>
    IReadOnlyList<float[]> Logits(IReadOnlyList<Example> items, CancellationToken cancellation = default);

    /// <summary>Logits are divided by this before they become probabilities (Guo et al., 2017).</summary>
    double Temperature { get; set; }
}
