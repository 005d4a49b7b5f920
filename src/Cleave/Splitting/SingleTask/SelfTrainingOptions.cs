using Cleave.Data;
using Cleave.Evaluation;

namespace Cleave.Splitting.SingleTask;

/// <summary>Texts without labels, and how sure a model must be of the labels that it gives them.</summary>
/// <param name="Files">Paths or patterns, relative to the task's own; the column of the text is the task's.</param>
/// <param name="Accuracy">How often the model must be right on validation items that it is as sure of.</param>
/// <param name="Agree">Whether a second model, of another seed, must give the same label.</param>
public sealed record SelfTrainingOptions(IReadOnlyList<string> Files, double Accuracy = SelfTrainingOptions.UsualAccuracy, bool Agree = false)
{
    public const double UsualAccuracy = 0.95;
}

/// <summary>What was added to the training items, and what the model was without it.</summary>
/// <param name="Texts">Without labels, as read.</param>
/// <param name="Known">Of them, those that are training items or other texts of them over again.</param>
/// <param name="Refused">Of them, those that are nearly a validation or test item.</param>
/// <param name="Threshold">The confidence from which a label counted; null where no confidence gave the accuracy asked for, so that nothing was added.</param>
/// <param name="ThresholdAccuracy">Of the validation items at least as sure.</param>
/// <param name="ThresholdItems">How many these are.</param>
/// <param name="Disagreed">Sure enough, but labelled otherwise by the second model.</param>
/// <param name="Added">By label.</param>
/// <param name="Before">On the test items, by the model trained without them.</param>
/// <param name="ValidationBefore">The metric on the validation items, by the same.</param>
public sealed record SelfTrainingResult(int Texts, int Known, int Refused, double? Threshold, double ThresholdAccuracy, int ThresholdItems, int Disagreed,
    IReadOnlyList<(string Label, int Count)> Added, ConfidenceInterval Before, double ValidationBefore);
