using Cleave.Models.Bag;

namespace Cleave.Training.Bag;

/// <summary>How a bag is made and trained.</summary>
public sealed record BagTrainingOptions
{
    public NgramOptions Ngrams { get; init; } = new();

    /// <summary>Buckets that occur in fewer training texts get no row.</summary>
    public int MinDocuments { get; init; } = 1;

    /// <summary>Most rows of the table: the most frequent buckets get one, the rest are not known.</summary>
    public int MaxRows { get; init; } = int.MaxValue;

    /// <summary>Length of an embedding row.</summary>
    public int Dim { get; init; } = 64;

    /// <summary>Width of the hidden layer, 0 for none.</summary>
    public int Hidden { get; init; } = 256;

    public int Epochs { get; init; } = 15;

    public int BatchSize { get; init; } = 32;

    /// <summary>Largest step of Adam; it falls to zero along a half cosine over all epochs.</summary>
    public float LearningRate { get; init; } = 2e-3f;

    /// <summary>Chance that a feature is left out of a training text; the others are divided by 1 − chance.</summary>
    public float FeatureDropout { get; init; } = 0.7f;

    /// <summary>Share of the target that is spread evenly over all classes.</summary>
    public float LabelSmoothing { get; init; } = 0.1f;

    /// <summary>A factor on the loss of each class, relative to the others of a batch; null for 1.</summary>
    public IReadOnlyList<float>? ClassWeights { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <exception cref="ArgumentException">A value is outside its range.</exception>
    public void Validate(int classes)
    {
        Ngrams.Validate();
        Require(classes >= 2, $"{classes} classes: at least 2 are needed");
        Require(MinDocuments >= 1 && MaxRows >= 1, $"at least {MinDocuments} documents, at most {MaxRows} rows: both are 1 or more");
        Require(Dim is >= 1 and <= 4096 && Hidden is >= 0 and <= 4096, $"widths {Dim} and {Hidden}: at most 4096, the first at least 1");
        Require(Epochs >= 1 && BatchSize >= 1, $"{Epochs} epochs in batches of {BatchSize}: both are 1 or more");
        Require(LearningRate > 0 && float.IsFinite(LearningRate), $"learning rate {LearningRate}: a positive number is needed");
        Require(FeatureDropout is >= 0 and < 1, $"feature dropout {FeatureDropout}: 0 or more, less than 1");
        Require(LabelSmoothing is >= 0 and <= 1, $"label smoothing {LabelSmoothing}: 0 to 1");
        Require(ClassWeights is null || (ClassWeights.Count == classes && ClassWeights.All(w => w > 0 && float.IsFinite(w))),
            $"class weights: {classes} positive numbers are needed");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}
