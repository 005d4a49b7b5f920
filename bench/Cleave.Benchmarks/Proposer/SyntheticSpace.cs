using Cleave.Numerics;
using Cleave.Tuning;

namespace Cleave.Benchmarks.Proposer;

/// <summary>
/// A random search space of 1 to 16 parameters as points: numbers from 0 to 1, some of them on a grid, indices of choices, and parameters that take part
/// only where an earlier choice has one of some values (NaN elsewhere).
/// </summary>
internal sealed class SyntheticSpace
{
    private const int MostParameters = 16;

    private readonly int[] _levels; // of a number: 0 for a continuum
    private readonly (int Parent, bool[] Values)?[] _when;

    private SyntheticSpace(int[] choices, int[] levels, (int, bool[])?[] when) => (Choices, _levels, _when) = (choices, levels, when);

    /// <summary>For each parameter how many choices it has, or 0 for a number.</summary>
    public int[] Choices { get; }

    public static SyntheticSpace Draw(Rng rng)
    {
        int count = rng.NextDouble() < 0.88 ? 1 + (int)(8 * Math.Pow(rng.NextDouble(), 0.8)) : 9 + rng.NextInt(MostParameters - 8);
        bool mixed = rng.NextDouble() < 0.4;
        (int[] choices, int[] levels) = (new int[count], new int[count]);
        var when = new (int, bool[])?[count];
        for (int d = 0; d < count; d++)
        {
            if (!mixed)
                continue;
            double kind = rng.NextDouble();
            if (kind < 0.3)
                choices[d] = 2 + rng.NextInt(5);
            else if (kind < 0.55)
                levels[d] = 2 + rng.NextInt(14);
            int[] parents = [.. Enumerable.Range(0, d).Where(p => choices[p] > 0)];
            if (parents.Length > 0 && rng.NextDouble() < 0.25)
                when[d] = Condition(parents[rng.NextInt(parents.Length)], choices, rng);
        }
        return new SyntheticSpace(choices, levels, when);
    }

    private static (int, bool[]) Condition(int parent, int[] choices, Rng rng)
    {
        bool[] values = [.. Enumerable.Range(0, choices[parent]).Select(_ => rng.NextDouble() < 0.5)];
        values[rng.NextInt(values.Length)] = true;
        return (parent, values);
    }

    /// <summary>A point at uniform numbers, one a parameter.</summary>
    public double[] Point(ReadOnlySpan<double> uniforms)
    {
        double[] point = new double[Choices.Length];
        for (int d = 0; d < point.Length; d++)
            point[d] = Choices[d] > 0 ? (int)(uniforms[d] * Choices[d]) : uniforms[d];
        return Settle(point, null);
    }

    public double[] Random(Rng rng) => Point([.. Choices.Select(_ => rng.NextDouble())]);

    /// <summary>A point near another one: some coordinates moved by a normal number of the given size, choices changed now and then.</summary>
    public double[] Near(double[] centre, double size, Rng rng)
    {
        double[] point = [.. centre];
        double share = Math.Max(rng.NextDouble(), 1.0 / point.Length);
        for (int d = 0; d < point.Length; d++)
        {
            if (double.IsNaN(point[d]) || rng.NextDouble() >= share)
                continue;
            if (Choices[d] > 0)
                point[d] = rng.NextDouble() < 0.3 ? rng.NextInt(Choices[d]) : point[d];
            else
                point[d] = Reflect(point[d] + Math.Max(size, _levels[d] > 0 ? 0.7 / _levels[d] : 0) * rng.NextGaussian());
        }
        return Settle(point, rng);
    }

    /// <summary>The same space for samplers.</summary>
    public SearchSpace ToSearchSpace() => new([.. Choices.Select((c, d) =>
    {
        Condition[] conditions = _when[d] is var (parent, values) ? [new Condition(Name(parent), [.. Enumerable.Range(0, values.Length).Where(v => values[v]).Select(v => (ParameterValue)v)])] : [];
        return c > 0 ? new CategoricalParameter(Name(d), [.. Enumerable.Range(0, c).Select(v => (ParameterValue)v)], conditions)
            : _levels[d] > 0 ? new IntParameter(Name(d), 0, _levels[d] - 1, when: conditions) : (Parameter)new FloatParameter(Name(d), 0, 1, when: conditions);
    })]);

    /// <summary>A sampler's set as a point.</summary>
    public double[] Point(ParameterSet set)
    {
        double[] point = new double[Choices.Length];
        for (int d = 0; d < point.Length; d++)
            point[d] = !set.TryGet(Name(d), out ParameterValue value) ? double.NaN : _levels[d] > 0 ? (value.AsDouble() + 0.5) / _levels[d] : value.AsDouble();
        return point;
    }

    private static string Name(int parameter) => $"p{parameter}";

    private double[] Settle(double[] point, Rng? rng)
    {
        for (int d = 0; d < point.Length; d++)
        {
            if (_when[d] is var (parent, values) && (double.IsNaN(point[parent]) || !values[(int)point[parent]]))
            {
                point[d] = double.NaN;
                continue;
            }
            if (double.IsNaN(point[d]))
                point[d] = Choices[d] > 0 ? rng!.NextInt(Choices[d]) : rng!.NextDouble();
            if (_levels[d] > 0)
                point[d] = (Math.Min((int)(point[d] * _levels[d]), _levels[d] - 1) + 0.5) / _levels[d];
        }
        return point;
    }

    private static double Reflect(double x)
    {
        x = Math.Abs(x) % 2;
        return x > 1 ? 2 - x : x;
    }
}
