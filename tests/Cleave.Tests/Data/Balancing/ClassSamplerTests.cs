using Cleave.Data.Balancing;
using Cleave.Numerics;

namespace Cleave.Tests.Data.Balancing;

public sealed class ClassSamplerTests
{
    // 90 items of class 0, 10 of class 5, 24 of class 2, mixed.
    private static readonly int[] Classes = [.. Enumerable.Range(0, 124).Select(i => i % 31 < 6 ? 2 : i % 12 == 7 ? 5 : 0)];
    private static readonly Dictionary<int, int> Sizes = Classes.CountBy(c => c).ToDictionary();

    [Fact]
    public void Over_repeats_the_rare_until_all_are_as_many()
    {
        int[] epoch = Epoch(ClassSampling.Over, 1);
        int most = Sizes.Values.Max();
        Assert.All(epoch.CountBy(i => Classes[i]), c => Assert.Equal(most, c.Value));
        foreach (IGrouping<int, KeyValuePair<int, int>> members in epoch.CountBy(i => i).GroupBy(c => Classes[c.Key]))
        {
            Assert.Equal(Sizes[members.Key], members.Count()); // every item is there
            Assert.InRange(members.Max(m => m.Value) - members.Min(m => m.Value), 0, 1);
        }
    }

    [Fact]
    public void Under_takes_others_each_epoch_and_all_in_the_end()
    {
        int[] epoch = Epoch(ClassSampling.Under, 1);
        int least = Sizes.Values.Min();
        Assert.All(epoch.CountBy(i => Classes[i]), c => Assert.Equal(least, c.Value));
        Assert.Equal(epoch.Length, epoch.Distinct().Count());
        Assert.Equal(Classes.Length, Enumerable.Range(0, 300).SelectMany(e => Epoch(ClassSampling.Under, e)).Distinct().Count());
    }

    [Fact]
    public void Stratified_spreads_every_class_over_the_epoch()
    {
        int[] epoch = Epoch(ClassSampling.Stratified, 1);
        Assert.Equal(Enumerable.Range(0, Classes.Length), epoch.Order());
        foreach ((int label, int size) in Sizes)
        {
            int[] places = [-1, .. epoch.Index().Where(p => Classes[p.Item] == label).Select(p => p.Index), epoch.Length];
            // Two neighbours lie less than two n-ths of the epoch apart, give or take one item of each other class.
            Assert.All(places.Zip(places.Skip(1)), p => Assert.InRange(p.Second - p.First, 1, 2 * Classes.Length / size + 3));
        }
    }

    [Theory]
    [InlineData(ClassSampling.None)]
    [InlineData(ClassSampling.Stratified)]
    [InlineData(ClassSampling.Over)]
    [InlineData(ClassSampling.Under)]
    public void The_generator_decides(ClassSampling how)
    {
        Assert.Equal(Epoch(how, 3), Epoch(how, 3));
        Assert.NotEqual(Epoch(how, 3), Epoch(how, 4));
    }

    private static int[] Epoch(ClassSampling how, int epoch) => new ClassSampler(how, Classes).Epoch(new Rng((ulong)epoch));
}
