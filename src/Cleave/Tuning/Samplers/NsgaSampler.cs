using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>How an <see cref="NsgaSampler"/> works.</summary>
public sealed record NsgaOptions
{
    /// <summary>Trials in a generation, and parents of the next one.</summary>
    public int Population { get; init; } = 32;

    /// <summary>How likely two parents are mixed; otherwise the first one is only mutated.</summary>
    public double CrossoverRate { get; init; } = 0.9;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Population, 2);
        if (CrossoverRate is not (>= 0 and <= 1))
            throw new ArgumentException($"the crossover rate lies between 0 and 1, not at {CrossoverRate}");
    }
}

/// <summary>
/// The genetic algorithm NSGA-II (Deb et al., 2002): parents are the best of all earlier generations by front and crowding, picked in tournaments of
/// two, mixed by simulated binary crossover and changed by polynomial mutation. For several objectives, cheap trials and many of them.
/// </summary>
public sealed class NsgaSampler : ISampler
{
    private const double CrossoverIndex = 15, MutationIndex = 20;

    private readonly NsgaOptions _options;
    private readonly QuasiRandomSampler _spread = new();

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public NsgaSampler(NsgaOptions? options = null)
    {
        _options = options ?? new NsgaOptions();
        _options.Check();
    }

    public string Name => "nsga2";

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        int before = input.Number / _options.Population * _options.Population;
        Trial[] earlier = [.. input.History.Where(t => t.Number < before)];
        Trial[] parents = [.. TrialOrder.BestFirst(earlier, input.Study.Directions).Take(_options.Population)];
        if (parents.Length < 2)
            return _spread.Suggest(input);
        Rng rng = input.Random(Name);
        SearchSpace space = input.Study.Space;
        double[] Parent() => Coordinates.Encode(space, parents[Math.Min(rng.NextInt(parents.Length), rng.NextInt(parents.Length))].Parameters!);
        double[] child = Parent(), other = Parent();
        bool mix = rng.NextDouble() < _options.CrossoverRate;
        double rate = 1.0 / child.Length;
        for (int d = 0; d < child.Length; d++)
        {
            bool isChoice = space.Parameters[d] is CategoricalParameter;
            if (double.IsNaN(child[d]) || (isChoice && mix && rng.NextInt(2) == 0 && !double.IsNaN(other[d])))
                child[d] = other[d];
            else if (mix && !isChoice && !double.IsNaN(other[d]) && rng.NextInt(2) == 0)
                child[d] = Cross(rng, child[d], other[d]);
            if (rng.NextDouble() < rate && !double.IsNaN(child[d]))
                child[d] = isChoice ? rng.NextInt((int)space.Parameters[d].Count!.Value) : Mutate(rng, child[d]);
        }
        return Coordinates.Settle(space, child, d => Coordinates.FromUniform(space.Parameters[d], rng.NextDouble()));
    }

    private static double Cross(Rng rng, double a, double b)
    {
        double u = rng.NextDouble(), power = 1 / (CrossoverIndex + 1);
        double beta = u <= 0.5 ? Math.Pow(2 * u, power) : Math.Pow(1 / (2 * (1 - u)), power);
        return Math.Clamp(((a + b) + (rng.NextInt(2) == 0 ? beta : -beta) * (a - b)) / 2, 0, 1);
    }

    private static double Mutate(Rng rng, double x)
    {
        double u = rng.NextDouble(), power = 1 / (MutationIndex + 1);
        double delta = u < 0.5
            ? Math.Pow(2 * u + (1 - 2 * u) * Math.Pow(1 - x, MutationIndex + 1), power) - 1
            : 1 - Math.Pow(2 * (1 - u) + 2 * (u - 0.5) * Math.Pow(x, MutationIndex + 1), power);
        return Math.Clamp(x + delta, 0, 1);
    }
}
