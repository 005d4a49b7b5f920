using Cleave.Numerics;

namespace Cleave.Tests.Numerics.Kernels;

/// <summary>Random inputs and plain double-precision answers.</summary>
internal static class Reference
{
    public static float[] Random(int length, ulong seed, float scale = 1)
    {
        var rng = new Rng(seed);
        var values = new float[length];
        for (int i = 0; i < length; i++)
            values[i] = (float)rng.NextGaussian() * scale;
        return values;
    }

    /// <summary>Largest |actual − expected| over the largest |expected|, or over 1 where that is larger.</summary>
    public static void Close(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double tolerance, string what = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        double size = 1;
        foreach (double e in expected)
            size = Math.Max(size, Math.Abs(e));
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= tolerance * size))
                Assert.Fail($"{what}[{i}]: expected {expected[i]:r}, got {actual[i]:r}, tolerance {tolerance * size:g3}");
        }
    }

    /// <summary>
    /// Checks a gradient against central differences of a double-precision function along each coordinate.
    /// </summary>
    public static void Gradient(Func<double[], double> f, ReadOnlySpan<float> at, ReadOnlySpan<float> gradient, double tolerance, string what)
    {
        var x = new double[at.Length];
        for (int i = 0; i < x.Length; i++)
            x[i] = at[i];
        var expected = new double[x.Length];
        const double Step = 1e-5;
        for (int i = 0; i < x.Length; i++)
        {
            double keep = x[i];
            x[i] = keep + Step;
            double up = f(x);
            x[i] = keep - Step;
            double down = f(x);
            x[i] = keep;
            expected[i] = (up - down) / (2 * Step);
        }
        Close(expected, gradient, tolerance, what);
    }
}
