using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Numerics.Ops;

/// <summary>Compares the gradients of an expression with central differences of its value.</summary>
public static class GradientCheck
{
    /// <summary>
    /// <paramref name="run"/> computes an output from the inputs; it is reduced to a number by fixed random weights,
    /// through the loss SoftCrossEntropy-free path: a linear layer to one column and its sum.
    /// </summary>
    public static void Check(Tensor[] inputs, Func<Tape, Tensor> run, float step = 1e-2f, double tolerance = 2e-2)
    {
        var rng = new Rng(99);
        using var tape = new Tape(records: true);
        float[]? seed = null;

        double Value(bool backward)
        {
            Tensor y = run(tape);
            seed ??= [.. Enumerable.Range(0, y.Length).Select(_ => (float)rng.NextGaussian())];
            double value = 0;
            for (int i = 0; i < y.Length; i++)
                value += (double)seed[i] * y.Data[i];
            if (backward)
            {
                seed.CopyTo(y.Gradient);
                tape.Backward();
            }
            tape.Reset();
            return value;
        }

        Value(backward: true);
        CompareAll(inputs, () => Value(backward: false), step, tolerance);
    }

    /// <summary>As above for an expression that is itself a recorded loss.</summary>
    public static void CheckLoss(Tensor[] inputs, Func<Tape, double> loss, float step = 1e-2f, double tolerance = 2e-2)
    {
        using var tape = new Tape(records: true);
        loss(tape);
        tape.Backward();
        tape.Reset();
        using var silent = new Tape(records: false);
        CompareAll(inputs, () =>
        {
            double value = loss(silent);
            silent.Reset();
            return value;
        }, step, tolerance);
    }

    private static void CompareAll(Tensor[] inputs, Func<double> value, float step, double tolerance)
    {
        foreach (Tensor input in inputs)
        {
            float[] gradient = input.Gradient.ToArray();
            double scale = Math.Max(1e-3, gradient.Max(Math.Abs));
            for (int i = 0; i < input.Length; i++)
            {
                float old = input.Data[i];
                input.Data[i] = old + step;
                double up = value();
                input.Data[i] = old - step;
                double down = value();
                input.Data[i] = old;
                double numeric = (up - down) / (2 * step);
                Assert.True(Math.Abs(numeric - gradient[i]) <= tolerance * scale,
                    $"element {i}: gradient {gradient[i]}, central difference {numeric}");
            }
            input.ClearGradient();
        }
    }

    public static Tensor Random(int rows, int columns, ulong seed)
    {
        var rng = new Rng(seed);
        Tensor t = Tensor.Parameter(rows, columns);
        foreach (ref float x in t.Data)
            x = (float)rng.NextGaussian();
        return t;
    }
}
