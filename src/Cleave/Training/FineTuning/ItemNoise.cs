using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Numerics;

namespace Cleave.Training.FineTuning;

/// <summary>
/// What training items go through each time they are trained on: their words are changed, then their tokens. What is changed depends on the seed and
/// the update's number alone, so a run that is continued changes the same. Items that a model is measured by never pass here.
/// </summary>
/// <param name="text">For classification; null to leave the words alone.</param>
/// <param name="examples">By <see cref="TaskItem.Example"/>.</param>
public sealed class ItemNoise(TextNoise? text, IReadOnlyList<Example> examples, TaskEncoder encoder, TokenDropout tokens, ulong seed)
{
    public IReadOnlyList<TaskItem> Apply(IReadOnlyList<TaskItem> items, int update)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (text is null)
            return tokens.Apply(items, update);
        Rng rng = Rng.For(seed, $"text noise {update}");
        return tokens.Apply([.. items.Select(item => Changed(item, rng))], update);
    }

    private TaskItem Changed(TaskItem item, Rng rng)
    {
        Example example = examples[item.Example];
        string words = text!.Apply(example.Text, rng);
        return ReferenceEquals(words, example.Text) ? item : encoder.Text(example with { Text = words }, item.Targets[0], item.Example);
    }
}
