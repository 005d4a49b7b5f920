using Cleave.Tuning;

namespace Cleave.Benchmarks.Samplers;

/// <summary>Problems with several objectives: Zitzler, Deb and Thiele's (2000) with 12 parameters, and Deb et al.'s DTLZ2 (2002) with three objectives and 8.</summary>
internal static class FrontFunctions
{
    public static IReadOnlyList<TestFunction> All { get; } = [
        Zdt("zdt1", (f, g) => 1 - Math.Sqrt(f / g)),
        Zdt("zdt2", (f, g) => 1 - f / g * (f / g)),
        Zdt("zdt3", (f, g) => 1 - Math.Sqrt(f / g) - f / g * Math.Sin(10 * Math.PI * f)),
        new("dtlz2", Space(8), set =>
        {
            double[] x = [.. set.Select(m => m.Value.AsDouble())];
            double g = 1 + x.Skip(2).Sum(v => (v - 0.5) * (v - 0.5)), a = x[0] * Math.PI / 2, b = x[1] * Math.PI / 2;
            return [g * Math.Cos(a) * Math.Cos(b), g * Math.Cos(a) * Math.Sin(b), g * Math.Sin(a)];
        }, [1.5, 1.5, 1.5]),
    ];

    private static SearchSpace Space(int parameters) => new([.. Enumerable.Range(0, parameters).Select(i => new FloatParameter($"x{i}", 0, 1))]);

    private static TestFunction Zdt(string name, Func<double, double, double> shape) => new(name, Space(12), set =>
    {
        double[] x = [.. set.Select(m => m.Value.AsDouble())];
        double g = 1 + 9 * x.Skip(1).Average();
        return [x[0], g * shape(x[0], g)];
    }, [1.1, 6]);
}
