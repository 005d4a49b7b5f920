using Cleave.Models.Bag;

namespace Cleave.Training.Bag;

/// <summary>How a bag is trained.</summary>
public sealed record BagTrainingOptions
{
    public NgramOptions Ngrams { get; init; } = new();

    /// <summary>Buckets that occur in fewer training texts get no row.</summary>
    public int MinDocuments { get; init; } = 1;

    /// <summary>Most rows of the table; the rest of the buckets is ignored.</summary>
    public int MaxRows { get; init; } = int.MaxValue;

    /// <summary>Length of an embedding row.</summary>
    public int Dim { get; init; } = 64;

    /// <summary>Width of the hidden layer, 0 for none.</summary>
    public int Hidden { get; init; }

    public int Epochs { get; init; } = 20;

    public int BatchSize { get; init; } = 32;

    /// <summary>Largest step of Adam; it falls to zero along a half cosine.</summary>
    public float LearningRate { get; init; } = 5e-3f;

    /// <summary>Decoupled weight decay a step, times the learning rate; on the table only for touched rows.</summary>
    public float WeightDecay { get; init; }

    /// <summary>Chance that a feature is left out of a training text; what stays is divided by 1 − chance.</summary>
    public float FeatureDropout { get; init; } = 0.1f;

    /// <summary>Share of the target that is spread evenly over all classes.</summary>
    public float LabelSmoothing { get; init; } = 0.1f;

    /// <summary>A factor on each class's loss; null for 1.</summary>
    public IReadOnlyList<float>? ClassWeights { get; init; }

    public ulong Seed { get; init; } = 1;

    public float Mixup { get; init; }
    public float InitScale { get; init; } = 0.1f;
}
