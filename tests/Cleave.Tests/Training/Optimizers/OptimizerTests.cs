using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Numerics.Kernels;
using Cleave.Training;
using Cleave.Training.Optimizers;

namespace Cleave.Tests.Training.Optimizers;

public class OptimizerTests
{
    public static TheoryData<string> Rules => ["sgd", "nesterov", "adam", "lamb", "lion", "adafactor", "muon"];

    [Theory]
    [MemberData(nameof(Rules))]
    public void The_bits_do_not_depend_on_the_threads(string rule) => Variants.SameOnAnyThreads(() =>
    {
        Tensor weights = Random(300, 257, 1);
        using var optimizer = new Optimizer(new ParameterGroup([("w", weights)], Rule(rule)) { WeightDecay = 0.1f });
        for (int step = 0; step < 3; step++)
        {
            FillGradient(weights, step);
            optimizer.Update(0.01);
        }
        return weights.Data.ToArray();
    });

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_run_continued_from_a_checkpoint_has_the_same_bits(string rule)
    {
        string file = Path.GetTempFileName();
        try
        {
            float[] whole = Train(0, 6, null), half = Train(0, 3, file);
            Assert.NotEqual(whole, half);
            Assert.Equal(whole, Train(3, 6, file));
        }
        finally
        {
            File.Delete(file);
        }

        // From the file where it does not begin at 0; into the file where it ends early. The average is part of the state.
        float[] Train(int from, int to, string? path)
        {
            Tensor matrix = Random(9, 33, 2), vector = Random(1, 20, 3);
            List<(string, Tensor)> parameters = [("m", matrix), ("v", vector)];
            using var optimizer = new Optimizer(new ParameterGroup(parameters, Rule(rule)) { WeightDecay = 0.1f, L1 = 1e-3f });
            using WeightAverage average = WeightAverage.Exponential(parameters, 0.9);
            if (from > 0)
                Checkpoint.Load(path!, optimizer, "run", [average.Weights]);
            for (int step = from; step < to; step++)
            {
                FillGradient(matrix, step);
                FillGradient(vector, step);
                optimizer.Update(0.01);
                average.After(optimizer.Step);
            }
            if (path is not null && from == 0)
                Checkpoint.Save(path, optimizer, "run", copies: [average.Weights]);
            float[] weights = [.. matrix.Data, .. vector.Data];
            average.Weights.Swap();
            return [.. weights, .. matrix.Data, .. vector.Data];
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void An_update_allocates_nothing(string rule)
    {
        Tensor matrix = Random(64, 512, 4), vector = Random(1, 512, 5);
        using var optimizer = new Optimizer(new ParameterGroup([("m", matrix), ("v", vector)], Rule(rule)) { WeightDecay = 0.1f, L1 = 1e-4f, L2 = 1e-4f }) { ClipValue = 0.5f };
        void Step(int step)
        {
            FillGradient(matrix, step);
            FillGradient(vector, step);
            optimizer.Update(0.01);
        }
        Step(0);
        Step(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 2; step < 10; step++)
            Step(step);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Clipping_by_value_comes_before_clipping_by_norm()
    {
        Tensor weights = Tensor.Parameter(2, 2);
        using var optimizer = new Optimizer(new ParameterGroup([("w", weights)], new Sgd(0))) { ClipValue = 3, ClipNorm = 1 };
        ((float[])[100, -0.5f, 4, -7]).CopyTo(weights.Gradient);
        double norm = optimizer.Update(1), expected = Math.Sqrt(9 + 0.25 + 9 + 9);
        Assert.Equal(expected, norm, 1e-6);
        double[] clipped = [3, -0.5, 3, -3];
        for (int i = 0; i < 4; i++)
            Assert.Equal(-clipped[i] / expected, weights.Data[i], 1e-6);
    }

    [Fact]
    public void Groups_have_learning_rates_of_their_own()
    {
        Tensor slow = Tensor.Parameter(2, 1), fast = Tensor.Parameter(2, 1);
        using var optimizer = new Optimizer(new ParameterGroup([("slow", slow)], new Sgd(0)) { LearningRateScale = 0.25 }, new ParameterGroup([("fast", fast)], new Sgd(0)));
        slow.Gradient.Fill(0.1f);
        fast.Gradient.Fill(0.1f);
        optimizer.Update(1);
        Assert.Equal(-0.025f, slow.Data[0], 1e-7f);
        Assert.Equal(-0.1f, fast.Data[0], 1e-7f);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_nothing()
    {
        Tensor weights = Random(2, 2, 6);
        float[] before = weights.Data.ToArray();
        using var optimizer = new Optimizer(new ParameterGroup([("w", weights)], new Adam()));
        weights.Gradient[1] = float.NaN;
        DivergedException e = Assert.Throws<DivergedException>(() => optimizer.Update(0.1));
        Assert.Equal(1, e.Update);
        Assert.Equal(before, weights.Data.ToArray());
        Assert.Equal(0, optimizer.Step);
    }

    [Fact]
    public void Singular_values_come_near_to_one() => Variants.EachSet(where =>
    {
        foreach ((int rows, int columns) in ((int, int)[])[(8, 8), (6, 17), (17, 6), (1, 5)])
        {
            float[] x = Random(rows, columns, 7).Data.ToArray();
            NewtonSchulz.Orthogonalize(x, rows, columns);
            // Σ over singular values of (σ² − 1)² is ‖G − I‖² of the Gram matrix of the shorter side.
            int side = Math.Min(rows, columns);
            for (int a = 0; a < side; a++)
            {
                double square = 0;
                for (int i = 0; i < x.Length / side; i++)
                {
                    double value = rows <= columns ? x[a * columns + i] : x[i * columns + a];
                    square += value * value;
                }
                Assert.InRange(square, 0.3, 1.6);
            }
        }
    });

    private static IUpdateRule Rule(string name) => name switch
    {
        "sgd" => new Sgd(),
        "nesterov" => new Sgd(Nesterov: true),
        "adam" => new Adam(),
        "lamb" => new Lamb(),
        "lion" => new Lion(),
        "adafactor" => new Adafactor(),
        _ => new Muon(),
    };

    private static Tensor Random(int rows, int columns, ulong seed)
    {
        var rng = new Rng(seed);
        Tensor tensor = Tensor.Parameter(rows, columns);
        foreach (ref float x in tensor.Data)
            x = (float)rng.NextGaussian();
        return tensor;
    }

    private static void FillGradient(Tensor tensor, int step)
    {
        Span<float> gradient = tensor.Gradient;
        for (int i = 0; i < gradient.Length; i++)
            gradient[i] = MathF.Sin(i * 0.37f + step) * 0.01f;
    }
}
