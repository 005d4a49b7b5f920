using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Training.Bag;

namespace Cleave.Tests.Training.Bag;

public sealed class HeadGradientTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void Derivatives_by_the_pooled_vector_are_finite_differences(int hidden)
    {
        var rng = new Rng(4);
        var head = new BagHead(6, hidden, 3);
        head.Initialise(rng);
        float[] pooled = [.. Enumerable.Range(0, 6).Select(_ => (float)rng.NextGaussian())];
        var gradient = new HeadGradient(head, 2);
        pooled.CopyTo(gradient.Pooled(1)); // the second of two texts
        gradient.Forward(2);
        CrossEntropy.ForwardBackward(gradient.Logits(1), 1, 0.1f, 1);
        gradient.Backward(2);
        float[] dPooled = gradient.PooledDerivative(1).ToArray();
        const float Step = 1e-2f;
        for (int i = 0; i < pooled.Length; i++)
        {
            float kept = pooled[i];
            pooled[i] = kept + Step;
            float above = Loss(head, pooled);
            pooled[i] = kept - Step;
            float below = Loss(head, pooled);
            pooled[i] = kept;
            Assert.Equal((above - below) / (2 * Step), dPooled[i], 2e-3);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void A_small_step_along_the_gradient_lowers_the_loss(int hidden)
    {
        var rng = new Rng(4);
        var head = new BagHead(6, hidden, 3);
        head.Initialise(rng);
        float[] pooled = [.. Enumerable.Range(0, 6).Select(_ => (float)rng.NextGaussian())];
        var gradient = new HeadGradient(head, 2);
        float before = Loss(head, pooled), last = before;
        for (int step = 1; step <= 20; step++)
        {
            pooled.CopyTo(gradient.Pooled(0));
            gradient.Forward(1);
            CrossEntropy.ForwardBackward(gradient.Logits(0), 1, 0.1f, 1);
            gradient.Backward(1);
            gradient.Step(1e-3f, step);
            float now = Loss(head, pooled);
            Assert.True(now < last, $"step {step}: {now} after {last}");
            last = now;
        }
    }

    private static float Loss(BagHead head, float[] pooled)
    {
        var logits = new float[head.Classes];
        head.Forward(pooled, new float[head.Hidden], logits);
        return CrossEntropy.ForwardBackward(logits, 1, 0.1f, 1);
    }
}
