using Cleave.Data;
using Cleave.Models;
using Cleave.Splitting.Studies;
using Cleave.Tuning;

namespace Cleave.Tests.Splitting;

public class RecipeTests
{
    private static readonly TransformerSpec Monolith = TransformerSpec.Uniform(vocabulary: 100, width: 64, layers: 4, heads: 4, kvHeads: 4, feedForward: 256, context: 64);

    [Theory]
    [InlineData(TaskKind.Generate)]
    [InlineData(TaskKind.Extract)]
    [InlineData(TaskKind.Classify)]
    public void Starts_are_in_the_space_and_narrowed_to_the_budget(TaskKind kind)
    {
        Recipe[] free = Starts(_ => true), tight = Starts(s => s.Layers.Sum(l => l.FeedForwardWidth) <= 160);
        Assert.Contains(free, r => r.Transformer is { Layers: 2, FeedForward: 128 });
        Assert.All(tight.Where(r => r.Transformer is not null), r => Assert.True(r.Transformer!.Layers * r.Transformer.FeedForward <= 160));
        Assert.Contains(tight, r => r.Transformer is { Layers: 2, FeedForward: 64 });
        // What no width can make cheap enough is tried at its narrowest.
        Assert.All(Starts(_ => false).Where(r => r.Transformer is not null), r => Assert.Equal(64, r.Transformer!.FeedForward));

        Recipe[] Starts(Func<TransformerSpec, bool> allows) =>
            [.. Recipe.Starts(kind, 500, Monolith, (spec, type) => type == WeightType.Q8 && allows(spec)).Select(Recipe.From)];
    }
}
