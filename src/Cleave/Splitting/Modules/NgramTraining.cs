using Cleave.Models.Bag;
using Cleave.Splitting.Recipes;
using Cleave.Training.Bag;

namespace Cleave.Splitting.Modules;

/// <summary>An n-gram classifier as it is usually trained: what stands beside a monolith, or in an ensemble.</summary>
internal static class NgramTraining
{
    public static BagClassifier Train(LabelledTexts train, IReadOnlyList<string> labels, IReadOnlyList<float>? classWeights, ulong seed)
    {
        var options = new BagTrainingOptions
        {
            Dim = 64,
            Hidden = 256,
            Epochs = NgramRecipe.UsualEpochs(train.Texts.Count),
            FeatureDropout = NgramRecipe.UsualDropout(train.Texts.Count),
            ClassWeights = classWeights,
            Seed = seed,
        };
        return BagClassifier.From(BagTrainer.Train(options, train, labels.Count).Model, labels);
    }
}
