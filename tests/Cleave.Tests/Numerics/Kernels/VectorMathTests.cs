using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class VectorMathTests
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 70), 255, 256, 257, 1023, 20_000, 100_003];

    [Fact]
    public void Element_wise_operations_match_at_every_length() => Variants.Each(where =>
    {
        foreach (int n in Lengths)
        {
            float[] a = Reference.Random(n, 1), b = Reference.Random(n, 2), to = new float[n];
            VectorMath.Add(a, b, to);
            Expect(n, i => (double)a[i] + b[i], to, where + "add");
            VectorMath.Multiply(a, b, to);
            Expect(n, i => (double)a[i] * b[i], to, where + "multiply");
            float[] sum = [.. a];
            VectorMath.AddInPlace(sum, b);
            Expect(n, i => (double)a[i] + b[i], sum, where + "add in place");
            sum = [.. a];
            VectorMath.AddScaled(sum, b, 0.7f);
            Expect(n, i => a[i] + (double)0.7f * b[i], sum, where + "add scaled");
            VectorMath.Scale(sum, 0);
            Expect(n, i => 0, sum, where + "scale");
        }
    });

    [Fact]
    public void Reductions_match_at_every_length() => Variants.Each(where =>
    {
        foreach (int n in Lengths)
        {
            float[] a = Reference.Random(n, 1), b = Reference.Random(n, 2);
            double dot = 0, squares = 0, size = 1;
            for (int i = 0; i < n; i++)
            {
                dot += (double)a[i] * b[i];
                squares += (double)a[i] * a[i];
                size += Math.Abs((double)a[i] * b[i]);
            }
            Assert.True(Math.Abs(VectorMath.Dot(a, b) - dot) <= Bounds.RowWise * size, where + n);
            Assert.True(Math.Abs(VectorMath.SumOfSquares(a) - squares) <= 4e-7 * (1 + squares), where + n);
            if (n > 0)
                Assert.Equal(a.Max(), VectorMath.Max(a));
        }
    });

    [Fact]
    public void The_maximum_is_found_anywhere_and_NaN_wins() => Variants.EachSet(where =>
    {
        for (int n = 1; n < 40; n++)
        {
            for (int i = 0; i < n; i++)
            {
                var x = new float[n];
                Array.Fill(x, -5);
                x[i] = -4;
                Assert.Equal(-4, VectorMath.Max(x));
                x[i] = float.NaN;
                Assert.True(float.IsNaN(VectorMath.Max(x)), where);
            }
        }
    });

    [Fact]
    public void Exp_is_within_two_units_in_the_last_place() => Variants.EachSet(where =>
    {
        float[] x = [.. Enumerable.Range(0, 40_001).Select(i => -87.3f + i * (88.72f + 87.3f) / 40_000)], y = new float[x.Length];
        VectorMath.Exp(x, y);
        for (int i = 0; i < x.Length; i++)
        {
            double expected = Math.Exp(x[i]), unit = MathF.BitIncrement((float)expected) - (float)expected;
            Assert.True(Math.Abs(y[i] - expected) <= 2 * unit, $"{where}exp({x[i]:r}) = {y[i]:r}, expected {expected:r}");
        }
    });

    [Fact]
    public void Exp_is_right_at_its_ends() => Variants.EachSet(where =>
    {
        float[] x = [0, -0f, float.NegativeInfinity, float.PositiveInfinity, float.NaN, -200, 200, -103, -90, 88.8f, 1];
        float[] y = new float[x.Length];
        VectorMath.Exp(x, y);
        Assert.Equal([1, 1, 0, float.PositiveInfinity, float.NaN, 0, float.PositiveInfinity], y[..7]);
        Assert.Equal(float.Epsilon, y[7]);
        Assert.Equal(Math.Exp(-90), y[8], 2e-45);
        Assert.Equal(float.PositiveInfinity, y[9]);
        Assert.Equal(MathF.E, y[10], 3e-7f);
    });

    [Fact]
    public void Softmax_matches_at_every_width() => Variants.Each(where =>
    {
        foreach ((int rows, int columns) in Enumerable.Range(1, 40).Select(c => (3, c)).Append((70, 500)).Append((0, 5)).Append((4, 0)))
        {
            float[] x = Reference.Random(rows * columns, 4, 5), y = [.. x];
            Softmax.Rows(y, rows, columns);
            var expected = new double[x.Length];
            for (int r = 0; r < rows; r++)
            {
                double sum = Enumerable.Range(0, columns).Sum(c => Math.Exp(x[r * columns + c]));
                for (int c = 0; c < columns; c++)
                    expected[r * columns + c] = Math.Exp(x[r * columns + c]) / sum;
            }
            Reference.Close(expected, y, 3e-6, $"{where}({rows},{columns})"); // x − max is rounded at magnitudes of 30
        }
    });

    [Fact]
    public void Softmax_gives_masked_places_nothing() => Variants.EachSet(_ =>
    {
        float[] x = [1, float.NegativeInfinity, 1, 5000, float.NegativeInfinity, 5000];
        Softmax.Rows(x, 2, 3);
        Assert.Equal([0.5f, 0, 0.5f, 0.5f, 0, 0.5f], x);
    });

    [Fact]
    public void Sums_do_not_depend_on_threads() => Variants.SameOnAnyThreads(() =>
        [(float)VectorMath.SumOfSquares(Reference.Random(200_000, 1)), VectorMath.Dot(Reference.Random(999, 2), Reference.Random(999, 3))]);

    [Fact]
    public void Wrong_lengths_are_refused()
    {
        Assert.Throws<ArgumentException>(() => VectorMath.Add([1], [1, 2], new float[1]));
        Assert.Throws<ArgumentException>(() => VectorMath.Add([1], [1], new float[2]));
        Assert.Throws<ArgumentException>(() => VectorMath.Dot([1], []));
        Assert.Throws<ArgumentException>(() => VectorMath.Max([]));
        Assert.Throws<ArgumentException>(() => Softmax.Rows(new float[5], 2, 3));
    }

    private static void Expect(int n, Func<int, double> f, float[] actual, string what)
    {
        var expected = new double[n];
        for (int i = 0; i < n; i++)
            expected[i] = f(i);
        Reference.Close(expected, actual, 2e-7, $"{what}, {n} elements ");
    }
}
