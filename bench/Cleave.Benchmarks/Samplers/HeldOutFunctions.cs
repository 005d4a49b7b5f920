using Cleave.Numerics;
using Cleave.Tuning;

namespace Cleave.Benchmarks.Samplers;

/// <summary>
/// Functions that no sampler's constant was chosen on: a check against fitting the five that the samplers are compared on. Shifts and
/// rotations come from a fixed seed, so that no minimum lies in the middle of a range or along an axis.
/// </summary>
internal static class HeldOutFunctions
{
    public static IReadOnlyList<TestFunction> All { get; } = [
        TestFunctions.Numbers("sphere5", TestFunctions.Same(5, -3, 4), x => x.Sum(v => v * v)),
        TestFunctions.Numbers("camel", [(-3, 3), (-2, 2)], x => (4 - 2.1 * x[0] * x[0] + Math.Pow(x[0], 4) / 3) * x[0] * x[0] + x[0] * x[1] + (-4 + 4 * x[1] * x[1]) * x[1] * x[1] + 1.0316284535),
        TestFunctions.Numbers("styblinski4", TestFunctions.Same(4, -5, 5), x => x.Sum(v => (v * v * v * v - 16 * v * v + 5 * v) / 2 + 39.16616570377142)),
        TestFunctions.Numbers("levy5", TestFunctions.Same(5, -10, 10), Levy),
        TestFunctions.Numbers("griewank4", TestFunctions.Same(4, -50, 70), Griewank),
        TestFunctions.Numbers("michalewicz5", TestFunctions.Same(5, 0, Math.PI), Michalewicz),
        TestFunctions.Numbers("ackley6-shifted", TestFunctions.Same(6, -5, 5), x => TestFunctions.Ackley(Turn(x, 2.5, 11))),
        TestFunctions.Numbers("rosenbrock4-turned", TestFunctions.Same(4, -2, 2), x => TestFunctions.Rosenbrock([.. Turn(x, 0.8, 12).Select(v => v + 1)])),
        TestFunctions.Numbers("ellipsoid10-turned", TestFunctions.Same(10, -5, 5), x => Turn(x, 2, 13).Select((v, i) => Math.Pow(100, i / 9.0) * v * v).Sum()),
        new("mixed-wide", WideSpace(), set => [Wide(set)]),
        new("branches", BranchSpace(), set => [Branches(set)]),
    ];

    private static double Levy(double[] x)
    {
        double[] w = [.. x.Select(v => 1 + (v - 1) / 4)];
        double sum = Math.Pow(Math.Sin(Math.PI * w[0]), 2) + Math.Pow(w[^1] - 1, 2) * (1 + Math.Pow(Math.Sin(2 * Math.PI * w[^1]), 2));
        for (int i = 0; i < w.Length - 1; i++)
            sum += Math.Pow(w[i] - 1, 2) * (1 + 10 * Math.Pow(Math.Sin(Math.PI * w[i] + 1), 2));
        return sum;
    }

    private static double Griewank(double[] x) => 1 + x.Sum(v => v * v) / 4000 - x.Select((v, i) => Math.Cos(v / Math.Sqrt(i + 1))).Aggregate(1.0, (a, b) => a * b);

    private static double Michalewicz(double[] x) =>
        4.687658 - x.Select((v, i) => Math.Sin(v) * Math.Pow(Math.Sin((i + 1) * v * v / Math.PI), 20)).Sum();

    /// <summary>Q (x − shift), with a shift and an orthogonal Q that the seed gives (Gram and Schmidt on normal vectors).</summary>
    private static double[] Turn(double[] x, double most, ulong seed)
    {
        var rng = new Rng(seed);
        double[] at = [.. x.Select(v => v - most * (2 * rng.NextDouble() - 1))];
        var rows = new List<double[]>();
        while (rows.Count < x.Length)
        {
            double[] row = [.. x.Select(_ => rng.NextGaussian())];
            foreach (double[] other in rows)
            {
                double along = row.Zip(other, (a, b) => a * b).Sum();
                row = [.. row.Zip(other, (a, b) => a - along * b)];
            }
            double size = Math.Sqrt(row.Sum(v => v * v));
            rows.Add([.. row.Select(v => v / size)]);
        }
        return [.. rows.Select(r => r.Zip(at, (a, b) => a * b).Sum())];
    }

    private static SearchSpace WideSpace() => new([
        new CategoricalParameter("a", ["p", "q", "r", "s", "t"]),
        new CategoricalParameter("b", [2, 4, 8]),
        new IntParameter("n", 8, 512, log: true),
        new FloatParameter("x", 0, 1),
        new FloatParameter("y", 0, 1, step: 0.05),
        new FloatParameter("z", 0, 1, when: [new("b", [4, 8])]),
    ]);

    private static double Wide(ParameterSet set)
    {
        double loss = set["a"].AsText() switch { "p" => 0.4, "q" => 0.2, "r" => 0, "s" => 0.1, _ => 0.6 };
        loss += set["b"].AsInt() switch { 2 => 0.3, 4 => 0, _ => 0.05 };
        loss += 0.1 * Math.Pow(Math.Log2(set["n"].AsInt()) - 6, 2) + Math.Pow(set["x"].AsDouble() - 0.3, 2) + Math.Pow(set["y"].AsDouble() - set["x"].AsDouble() - 0.3, 2);
        return set.TryGet("z", out ParameterValue z) ? loss + Math.Pow(z.AsDouble() - 0.85, 2) : loss + 0.1;
    }

    /// <summary>Three branches with parameters of their own, two deep; the deepest holds the optimum.</summary>
    private static SearchSpace BranchSpace() => new([
        new CategoricalParameter("model", ["linear", "trees", "net"]),
        new FloatParameter("l2", 1e-6, 10, log: true, when: [new("model", ["linear", "net"])]),
        new IntParameter("depth", 1, 16, when: [new("model", "trees")]),
        new FloatParameter("rate", 1e-3, 1, log: true, when: [new("model", ["trees", "net"])]),
        new CategoricalParameter("schedule", ["constant", "cosine"], when: [new("model", "net")]),
        new FloatParameter("warmup", 0, 0.5, when: [new("schedule", "cosine")]),
        new IntParameter("width", 16, 1024, log: true, when: [new("model", "net")]),
    ]);

    private static double Branches(ParameterSet set)
    {
        double Log(string name) => Math.Log10(set[name].AsDouble());
        return set["model"].AsText() switch
        {
            "linear" => 0.25 + 0.05 * Math.Pow(Log("l2") + 1, 2),
            "trees" => 0.12 + 0.004 * Math.Pow(set["depth"].AsInt() - 6, 2) + 0.1 * Math.Pow(Log("rate") + 1.2, 2),
            _ => 0.1 * Math.Pow(Log("rate") + 2.3, 2) + 0.02 * Math.Pow(Log("l2") + 4, 2) + 0.08 * Math.Pow(Math.Log2(set["width"].AsInt()) - 8.5, 2) / 4
                + (set.TryGet("warmup", out ParameterValue warmup) ? 1.5 * Math.Pow(warmup.AsDouble() - 0.1, 2) : 0.06),
        };
    }
}
