using Cleave.Models.Bag;
using Cleave.Numerics;

namespace Cleave.Tests.Models.Bag;

public sealed class NgramEmbeddingTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(35)]
    public void Pooling_is_a_weighted_sum_and_its_gradient_the_transpose(int dim)
    {
        var rng = new Rng(5);
        NgramEmbedding table = NgramEmbedding.Random(6, dim, 1, rng);
        int[][] rows = [[0, 2, 5], [], [2], [1, 2]];
        float[][] weights = [.. rows.Select(r => r.Select(_ => (float)rng.NextGaussian()).ToArray())];
        var expected = new double[6, dim];
        var gradient = new SparseGradient(6, dim);
        gradient.Reset();
        for (int text = 0; text < rows.Length; text++)
        {
            float[] pooled = new float[dim], dPooled = [.. Enumerable.Range(0, dim).Select(_ => (float)rng.NextGaussian())];
            table.Forward(rows[text], weights[text], pooled);
            table.Backward(rows[text], weights[text], dPooled, gradient);
            for (int j = 0; j < dim; j++)
            {
                Assert.Equal(rows[text].Select((row, i) => (double)weights[text][i] * table.Row(row)[j]).Sum(), pooled[j], 1e-5);
                for (int i = 0; i < rows[text].Length; i++)
                    expected[rows[text][i], j] += (double)weights[text][i] * dPooled[j];
            }
        }
        gradient.Close();
        Assert.Equal([0, 2, 5, 1], gradient.TouchedRows.ToArray());
        var formed = new float[dim];
        for (int slot = 0; slot < gradient.TouchedRows.Length; slot++)
        {
            gradient.Form(slot, formed);
            for (int j = 0; j < dim; j++)
                Assert.Equal(expected[gradient.TouchedRows[slot], j], formed[j], 1e-5);
        }
    }

    [Fact]
    public void A_gradient_forgets_the_batch_before()
    {
        var gradient = new SparseGradient(3, 2);
        gradient.Reset();
        gradient.Add([0, 1], [1, 1], [5, 5]);
        gradient.Close();
        gradient.Reset();
        gradient.Add([1], [2], [1, 3]);
        gradient.Close();
        var formed = new float[2];
        gradient.Form(0, formed);
        Assert.Equal([1], gradient.TouchedRows.ToArray());
        Assert.Equal([2f, 6f], formed);
    }
}
