using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Cleave.Training.Distributed;

namespace Cleave.Tests.Training.Distributed;

public sealed class BucketTests
{
    [Fact]
    public void Shares_are_as_even_as_whole_parameters_allow()
    {
        var rng = new Rng(1);
        int[] lengths = [.. Enumerable.Range(0, 100).Select(_ => 1 + rng.NextInt(1000))];
        foreach (int ranks in new[] { 1, 2, 3, 8 })
        {
            int[] owners = Shards.Deal(lengths, ranks);
            long[] shares = [.. Enumerable.Range(0, ranks).Select(r => lengths.Where((_, i) => owners[i] == r).Sum(l => (long)l))];
            Assert.True(shares.Max() - shares.Min() <= lengths.Max(), string.Join(' ', shares));
        }
        Assert.Equal([0, 1, 1, 1], Shards.Deal([1000, 10, 10, 10], 2)); // a table as large as all the rest
    }

    /// <summary>Each parameter travels once, with its owner's others, no sooner than its place is behind.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(1 << 20)]
    public void Every_parameter_is_in_one_bucket_behind_its_place(int usual)
    {
        var rng = new Rng(2);
        Tensor[] parameters = [.. Enumerable.Range(0, 40).Select(_ => Tensor.Parameter(1, 1 + rng.NextInt(30)))];
        int[] owners = Shards.Deal([.. parameters.Select(p => p.Length)], 3);
        ParameterPlace[] places = [new("last", parameters[25..35]), new("middle", []), new("first", parameters[5..25])];
        IReadOnlyList<Bucket> buckets = Bucket.Collect(parameters, owners, places, usual);
        Assert.Equal(parameters.ToHashSet(), buckets.SelectMany(b => b.Parameters).ToHashSet());
        Assert.Equal(parameters.Length, buckets.Sum(b => b.Parameters.Count));
        Assert.Equal(buckets.Select(b => b.Reached).Order(), buckets.Select(b => b.Reached));
        foreach (Bucket bucket in buckets)
        {
            Assert.Equal(bucket.Parameters.Sum(p => p.Length), bucket.Floats);
            Assert.True(bucket.Parameters.Count == 1 || bucket.Floats <= usual);
            foreach (Tensor parameter in bucket.Parameters)
            {
                int index = Array.IndexOf(parameters, parameter);
                Assert.Equal(bucket.Owner, owners[index]);
                Assert.True(bucket.Reached >= (index is >= 25 and < 35 ? 1 : index is >= 5 and < 25 ? 3 : 4));
            }
        }
        if (usual == 1) // nothing waits for others
            Assert.Equal((10, 20, 10), (buckets.Count(b => b.Reached == 1), buckets.Count(b => b.Reached == 3), buckets.Count(b => b.Reached == 4)));
    }
}
