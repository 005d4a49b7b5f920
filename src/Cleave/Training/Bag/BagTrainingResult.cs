using Cleave.Models.Bag;

namespace Cleave.Training.Bag;

/// <summary>Texts and the number of the class of each.</summary>
public sealed record LabelledTexts(IReadOnlyList<string> Texts, IReadOnlyList<int> Labels);

/// <summary>
/// Where the training stands after an epoch. Training figures are means over the epoch, with dropout, of the
/// whole loss; validation's are plain cross-entropy and accuracy, NaN without a validation set.
/// </summary>
public sealed record BagEpoch(int Epoch, double TrainLoss, double TrainAccuracy, double ValidationLoss, double ValidationAccuracy);

/// <summary>What training gives back: the bag in float32, and its learning curve.</summary>
/// <param name="FeaturesPerText">Mean number of known n-grams of a training text.</param>
public sealed record BagTrainingResult(BagModel Model, IReadOnlyList<BagEpoch> Epochs, double FeaturesPerText);
