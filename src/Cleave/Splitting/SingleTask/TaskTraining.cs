using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Training;
using Cleave.Training.Adapters;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.SingleTask;

/// <summary>One model to be fine-tuned on one task.</summary>
/// <param name="Base">As <see cref="Releases.BaseModel.Find"/> takes it, or a GGUF file.</param>
/// <param name="Output">The folder of the result.</param>
public sealed record TaskTraining(string Base, TaskSource Source, Metric Metric, FineTuneOptions Options, ulong Seed, string Output)
{
    /// <summary>Whether an adapter is merged into its base, so that the result is a whole model.</summary>
    public bool Merge { get; init; }

    /// <summary>The largest divergence that merging may cause, in nats a row.</summary>
    public double MostDivergence { get; init; } = 1e-3;

    /// <summary>Texts without labels to train on, or null.</summary>
    public SelfTrainingOptions? Unlabelled { get; init; }

    /// <summary>Of weights that are new (a head, an adapter), where trainings of several seeds begin at the same ones; null for the seed.</summary>
    public ulong? WeightsSeed { get; init; }

    /// <summary>A module that teaches the task besides the data, or null.</summary>
    public TaskTeaching? Teaching { get; init; }

    public bool Resume { get; init; }

    /// <summary>Replace what is at <see cref="Output"/>, and start over where an unfinished run is.</summary>
    public bool Force { get; init; }

    /// <summary>Where the unfinished state is kept.</summary>
    public string WorkFolder => RunFolder.PathOf(Output);
}

/// <summary>What a training came to.</summary>
/// <param name="Parameters">Of the whole model, adapter and heads included.</param>
/// <param name="WeightBytes">As stored, the base of an adapter included.</param>
/// <param name="StoredBytes">Of the weights in the output folder alone.</param>
/// <param name="Quality">On the test items, by the module as it was written and read back.</param>
/// <param name="Merge">What merging changed, or null.</param>
/// <param name="SelfTraining">What unlabelled texts added and changed, or null.</param>
public sealed record TaskTrainingResult(FineTuneResult Training, long Parameters, long WeightBytes, long StoredBytes, ConfidenceInterval Quality, MergeCheck? Merge, string? Remark,
    SelfTrainingResult? SelfTraining);
