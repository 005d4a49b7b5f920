using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class CrossEntropyTests
{
    private static readonly int[] Sizes = [.. Enumerable.Range(1, 40), 1023, 1024, 1025, 5000];

    [Fact]
    public void Hard_targets_match_with_and_without_smoothing() => Variants.EachSet(where =>
    {
        foreach (int size in Sizes)
        {
            foreach (float smoothing in new[] { 0, 0.1f, 1 })
            {
                float[] x = Reference.Random(size, 1, 3), g = [.. x];
                int target = size * 2 / 3;
                double[] q = new double[size];
                Array.Fill(q, smoothing / size);
                q[target] += 1 - smoothing;
                (double loss, double[] gradient) = Expected(x, q, 1, 0.25);
                Assert.Equal(loss, CrossEntropy.ForwardBackward(g, target, smoothing, 0.25f), 2e-5);
                Reference.Close(gradient, g, Bounds.LossGradient, $"{where}{size}, {smoothing}");
                if (smoothing == 0)
                    Assert.Equal(loss, CrossEntropy.Loss(x, target), 2e-5);
            }
        }
    });

    [Fact]
    public void Soft_targets_match() => Variants.EachSet(where =>
    {
        foreach (int size in Sizes)
        {
            float[] x = Reference.Random(size, 1, 3), p = Reference.Random(size, 2), g = [.. x];
            Softmax.Rows(p, 1, size);
            (double loss, double[] gradient) = Expected(x, [.. p.Select(v => (double)v)], 2, 0.5);
            Assert.Equal(loss, CrossEntropy.ForwardBackwardSoft(g, p, 2, 0.5f), 2e-5);
            Reference.Close(gradient, g, Bounds.LossGradient, $"{where}{size}");
        }
    });

    [Fact]
    public void Gradients_agree_with_differences() => Variants.EachSet(where =>
    {
        float[] x = Reference.Random(9, 1), g = [.. x], p = [0.5f, 0.25f, 0, 0, 0.25f, 0, 0, 0, 0];
        CrossEntropy.ForwardBackwardSoft(g, p, 1.5f, 1);
        double[] q = [.. p.Select(v => (double)v)];
        Reference.Gradient(z => Expected(z, q, 1.5, 1).Loss, x, g, 1e-6, where);
    });

    [Fact]
    public void Rows_are_the_single_row_repeated_and_negative_targets_do_not_count() => Variants.Each(where =>
    {
        const int Rows = 60, Size = 401;
        float[] x = Reference.Random(Rows * Size, 1), y = [.. x], losses = new float[Rows];
        int[] targets = [.. Enumerable.Range(0, Rows).Select(r => r % 7 == 3 ? -100 : r * 5)];
        CrossEntropy.ForwardBackwardRows(y, targets, Size, 0.1f, 0.5f, losses);
        for (int r = 0; r < Rows; r++)
        {
            Span<float> row = x.AsSpan(r * Size, Size);
            float loss = 0;
            if (targets[r] < 0)
                row.Clear();
            else
                loss = CrossEntropy.ForwardBackward(row, targets[r], 0.1f, 0.5f);
            Assert.Equal(loss, losses[r]);
        }
        Assert.Equal(x, y);
    });

    [Fact]
    public void Extreme_and_masked_logits_give_finite_gradients() => Variants.EachSet(_ =>
    {
        float[] x = [1e6f, -1e6f, float.NegativeInfinity], y = [.. x];
        Assert.Equal(2e6f, CrossEntropy.ForwardBackward(x, 1, 0, 1));
        Assert.Equal([1, -1, 0], x);
        Assert.Equal(0, CrossEntropy.ForwardBackwardSoft(y, [1, 0, 0], 1, 1));
        Assert.Equal([0, 0, 0], y);
    });

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Assert.Throws<ArgumentException>(() => CrossEntropy.Loss([1, 2], 2));
        Assert.Throws<ArgumentException>(() => CrossEntropy.Loss([], 0));
        Assert.Throws<ArgumentException>(() => CrossEntropy.ForwardBackward(new float[2], -1, 0, 1));
        Assert.Throws<ArgumentException>(() => CrossEntropy.ForwardBackward(new float[2], 0, 1.5f, 1));
        Assert.Throws<ArgumentException>(() => CrossEntropy.ForwardBackwardSoft(new float[2], [1], 1, 1));
        Assert.Throws<ArgumentException>(() => CrossEntropy.ForwardBackwardSoft(new float[1], [1], 0, 1));
        Assert.Throws<ArgumentException>(() => CrossEntropy.ForwardBackwardRows(new float[4], [0, 2], 2, 0, 1, new float[2]));
    }

    private static (double Loss, double[] Gradient) Expected(float[] x, double[] q, double temperature, double scale) =>
        Expected([.. x.Select(v => (double)v)], q, temperature, scale);

    private static (double Loss, double[] Gradient) Expected(double[] x, double[] q, double temperature, double scale)
    {
        double logSum = Math.Log(x.Sum(v => Math.Exp(v / temperature))), loss = 0;
        var gradient = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            loss -= q[i] * (x[i] / temperature - logSum);
            gradient[i] = scale / temperature * (Math.Exp(x[i] / temperature - logSum) - q[i]);
        }
        return (loss, gradient);
    }
}
