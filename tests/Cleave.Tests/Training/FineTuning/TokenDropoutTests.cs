using Cleave.Training.FineTuning;

namespace Cleave.Tests.Training.FineTuning;

public class TokenDropoutTests
{
    private static readonly TaskItem[] Items = [.. Enumerable.Range(0, 50).Select(i => new TaskItem([.. Enumerable.Repeat(1000, 40)], [.. Enumerable.Repeat(2, 40)], i))];

    [Fact]
    public void It_replaces_its_share_and_leaves_first_tokens_and_targets()
    {
        IReadOnlyList<TaskItem> noisy = new TokenDropout(0.2, 1000, 5).Apply(Items, 3);
        Assert.All(noisy, i => Assert.Equal(1000, i.Ids[0]));
        Assert.All(noisy.Zip(Items), p => Assert.Equal(p.Second.Targets, p.First.Targets));
        Assert.All(noisy, i => Assert.All(i.Ids, id => Assert.InRange(id, 0, 1000)));
        double share = noisy.Average(i => i.Ids.Skip(1).Count(id => id != 1000) / 39.0);
        Assert.InRange(share, 0.17, 0.23); // 1,950 draws: 0.2 ± 3 standard deviations
        Assert.All(Items, i => Assert.All(i.Ids, id => Assert.Equal(1000, id)));
    }

    [Fact]
    public void The_seed_and_the_update_decide()
    {
        int[] Ids(ulong seed, int update) => [.. new TokenDropout(0.2, 1000, seed).Apply(Items, update).SelectMany(i => i.Ids)];
        Assert.Equal(Ids(1, 1), Ids(1, 1));
        Assert.NotEqual(Ids(1, 1), Ids(1, 2));
        Assert.NotEqual(Ids(1, 1), Ids(2, 1));
    }

    [Fact]
    public void None_changes_nothing() => Assert.Same(Items, new TokenDropout(0, 1000, 5).Apply(Items, 3));
}
