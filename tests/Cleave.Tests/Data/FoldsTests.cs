using Cleave.Data;
using Cleave.Numerics;

namespace Cleave.Tests.Data;

public sealed class FoldsTests
{
    private static readonly Example[] Items = [.. Enumerable.Range(0, 97).Select(i => new Example
    {
        Text = i % 10 == 3 ? $"the very same complaint about a late delivery of order number {i / 50}" : $"{i * 7919 % 1009} {i * 104_729 % 997} words of item {i * i}",
        Label = i % 4 == 0 ? "rare" : "often",
    })];

    [Fact]
    public void Labels_are_spread_and_near_duplicates_stay_together()
    {
        int[] folds = Folds.Assign(Items, 5, new Rng(1));
        Assert.Equal([0, 1, 2, 3, 4], folds.Distinct().Order());
        int[] same = [.. Enumerable.Range(0, Items.Length).Where(i => i % 10 == 3).Select(i => folds[i])];
        Assert.Single(same.Distinct());
        int[] rare = [.. Enumerable.Range(0, 5).Select(f => Enumerable.Range(0, Items.Length).Count(i => folds[i] == f && Items[i].Label == "rare"))];
        Assert.InRange(rare.Max() - rare.Min(), 0, 10); // a group of ten has one label and one fold
        int[] sizes = [.. Enumerable.Range(0, 5).Select(f => folds.Count(x => x == f))];
        Assert.InRange(sizes.Max() - sizes.Min(), 0, 3);
    }

    [Fact]
    public void The_generator_decides()
    {
        Assert.Equal(Folds.Assign(Items, 5, new Rng(1)), Folds.Assign(Items, 5, new Rng(1)));
        Assert.NotEqual(Folds.Assign(Items, 5, new Rng(1)), Folds.Assign(Items, 5, new Rng(2)));
    }
}
