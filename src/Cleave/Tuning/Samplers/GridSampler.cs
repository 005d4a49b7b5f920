using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>
/// Tries every combination once, in an order shuffled by the seed so that a short study sees all of the space.
/// Conditional parameters multiply only where they take part. A study ends when the grid does.
/// </summary>
public sealed class GridSampler : ISampler
{
    /// <summary>The largest grid that is laid out.</summary>
    public const int MaxCombinations = 100_000;

    private readonly int _points;
    private (StudyDefinition Study, ParameterSet[] Grid)? _laidOut;

    /// <param name="points">Values for each parameter with more than that many; categorical ones take all of theirs.</param>
    public GridSampler(int points = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 1);
        _points = points;
    }

    public string Name => "grid";

    /// <exception cref="CapacityException">There are more than <see cref="MaxCombinations"/> combinations.</exception>
    public ParameterSet? Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (_laidOut is not { } cached || cached.Study != input.Study)
            _laidOut = cached = (input.Study, LayOut(input.Study));
        var tried = new HashSet<ParameterSet>(input.History.Select(t => t.Parameters!));
        return Array.Find(cached.Grid, p => !tried.Contains(p));
    }

    private ParameterSet[] LayOut(StudyDefinition study)
    {
        IReadOnlyList<Parameter> parameters = study.Space.Parameters;
        var grids = parameters.Select(p => p.Grid(_points)).ToArray();
        var all = new List<ParameterSet>();
        var values = new ParameterValue?[parameters.Count];

        void Descend(int depth)
        {
            if (depth == parameters.Count)
            {
                if (all.Count == MaxCombinations)
                    throw new CapacityException($"the grid has more than {MaxCombinations} combinations (take fewer points, or the sampler tpe)");
                all.Add(new ParameterSet(parameters.Select((p, i) => (p.Name, Value: values[i])).Where(v => v.Value is not null)
                    .Select(v => KeyValuePair.Create(v.Name, v.Value!.Value))));
                return;
            }
            bool active = study.Space.IsActive(parameters[depth], values);
            foreach (ParameterValue? value in active ? grids[depth].Select(v => (ParameterValue?)v) : [null])
            {
                values[depth] = value;
                Descend(depth + 1);
            }
            values[depth] = null;
        }

        Descend(0);
        ParameterSet[] grid = [.. all];
        Rng.For(study.Seed, Name).Shuffle<ParameterSet>(grid);
        return grid;
    }
}
