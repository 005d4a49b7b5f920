using Cleave.Numerics;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Replaces a share of the tokens that a model reads while it trains by random ones, so that it learns to judge a word by its
/// neighbours where it does not know the word itself (word dropout: Dai and Le, 2015; Iyyer et al., 2015). Targets stay.
/// What is replaced depends on the seed and the update's number alone.
/// </summary>
/// <param name="share">Of the tokens, 0 to 1; the first of a sequence stays.</param>
/// <param name="vocabulary">Tokens to draw from.</param>
public sealed class TokenDropout(double share, int vocabulary, ulong seed)
{
    public IReadOnlyList<TaskItem> Apply(IReadOnlyList<TaskItem> items, int update)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (share == 0)
            return items;
        Rng rng = Rng.For(seed, $"token dropout {update}");
        return [.. items.Select(item => item with { Ids = [.. item.Ids.Select((id, i) => i > 0 && rng.NextDouble() < share ? rng.NextInt(vocabulary) : id)] })];
    }
}
