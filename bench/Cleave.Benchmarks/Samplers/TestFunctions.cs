using Cleave.Tuning;

namespace Cleave.Benchmarks.Samplers;

/// <summary>A function to minimize: one whose least value is 0 (to the digits given), so that a value is a regret, or several objectives.</summary>
/// <param name="Reference">For several objectives, the point that bounds the hypervolume.</param>
internal sealed record TestFunction(string Name, SearchSpace Space, Func<ParameterSet, double[]> Values, double[]? Reference = null);

/// <summary>
/// The standard functions of global optimization (see Surjanovic and Bingham, "Virtual Library of Simulation
/// Experiments") and a conditional one shaped like a training recipe.
/// </summary>
internal static class TestFunctions
{
    /// <summary>The five that the samplers are compared on.</summary>
    public static IReadOnlyList<TestFunction> Judged { get; } = [
        Numbers("branin", [(-5, 10), (0, 15)], Branin),
        Numbers("rosenbrock4", Same(4, -2, 2), Rosenbrock),
        Numbers("ackley6", Same(6, -5, 5), Ackley),
        Numbers("hartmann6", Same(6, 0, 1), Hartmann),
        new("mixed", MixedSpace(), set => [Mixed(set)]),
    ];

    internal static (double, double)[] Same(int count, double low, double high) => [.. Enumerable.Repeat((low, high), count)];

    internal static TestFunction Numbers(string name, (double Low, double High)[] ranges, Func<double[], double> value) => new(name,
        new SearchSpace([.. ranges.Select((r, i) => new FloatParameter($"x{i}", r.Low, r.High))]),
        set => [value([.. set.Select(m => m.Value.AsDouble())])]);

    private static double Branin(double[] x)
    {
        double inner = x[1] - 5.1 / (4 * Math.PI * Math.PI) * x[0] * x[0] + 5 / Math.PI * x[0] - 6;
        return inner * inner + 10 * (1 - 1 / (8 * Math.PI)) * Math.Cos(x[0]) + 10 - 0.39788735773;
    }

    internal static double Rosenbrock(double[] x) =>
        Enumerable.Range(0, x.Length - 1).Sum(i => 100 * Math.Pow(x[i + 1] - x[i] * x[i], 2) + Math.Pow(1 - x[i], 2));

    internal static double Ackley(double[] x) => -20 * Math.Exp(-0.2 * Math.Sqrt(x.Average(v => v * v)))
        - Math.Exp(x.Average(v => Math.Cos(2 * Math.PI * v))) + 20 + Math.E;

    private static double Hartmann(double[] x)
    {
        double[] alpha = [1, 1.2, 3, 3.2];
        double[][] a = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]];
        int[][] p = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]];
        return 3.32236801 - Enumerable.Range(0, 4).Sum(i => alpha[i] * Math.Exp(-x.Select((v, j) => a[i][j] * Math.Pow(v - 1e-4 * p[i][j], 2)).Sum()));
    }

    private static SearchSpace MixedSpace() => new([
        new CategoricalParameter("optimizer", ["adamw", "sgd", "lion"]),
        new FloatParameter("lr", 1e-5, 1e-1, log: true),
        new IntParameter("layers", 1, 12),
        new FloatParameter("momentum", 0, 0.99, when: [new("optimizer", "sgd")]),
        new FloatParameter("decay", 1e-4, 1, log: true, when: [new("optimizer", ["adamw", "lion"])]),
    ]);

    private static double Mixed(ParameterSet set)
    {
        string kind = set["optimizer"].AsText();
        double rate = Math.Log10(set["lr"].AsDouble()), layers = set["layers"].AsInt();
        (double best, double loss) = kind switch { "adamw" => (-3.2, 0.0), "sgd" => (-1.4, 0.3), _ => (-4.1, 0.08) };
        loss += kind == "sgd" ? 0.5 * Math.Pow(set["momentum"].AsDouble() - 0.9, 2) : 0.2 * Math.Pow(Math.Log10(set["decay"].AsDouble()) + 2, 2) / 4;
        return loss + 0.6 * Math.Pow(rate - best, 2) + 0.02 * Math.Pow(layers - 7, 2);
    }
}
