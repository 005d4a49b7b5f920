using Cleave.Numerics;
using Cleave.Tuning.Samplers.Evolution;

namespace Cleave.Tuning.Samplers;

/// <summary>
/// Covariance matrix adaptation (Hansen, "The CMA Evolution Strategy: A Tutorial", 2016): trials are drawn from a normal distribution that learns the
/// scale and the direction of progress, a generation at a time; it restarts elsewhere with a doubled population when it has converged
/// (Auger and Hansen, 2005). For numbers above all; a choice is the largest of one score for each of its values.
/// </summary>
/// <remarks>
/// The distribution is rebuilt from the history: finished trials by number make the generations, whoever suggested them. Several objectives are
/// ordered by front and crowding.
/// </remarks>
public sealed class CmaEsSampler : ISampler
{
    private readonly Lock _lock = new();
    private (StudyDefinition Study, Trial[] Used, CmaState State)? _kept;

    public string Name => "cma-es";

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Trial[] finished = [.. input.History.Where(t => t.IsFinished && t.State != TrialState.Paused)];
        CmaState state = StateAfter(input.Study, finished);
        Rng rng = input.Random(Name);
        double[] point = state.Genes.ToPoint(state.Draw(rng));
        return Coordinates.Settle(input.Study.Space, point, _ => throw new InvalidOperationException("a gene is missing"));
    }

    private CmaState StateAfter(StudyDefinition study, Trial[] finished)
    {
        lock (_lock)
        {
            (Trial[] used, CmaState state) = _kept is { } kept && kept.Study == study && finished.AsSpan().StartsWith(kept.Used)
                ? (kept.Used, kept.State) : ([], new CmaState(new Genes(study.Space), study.Seed));
            int at = used.Length;
            while (at + state.Population <= finished.Length)
            {
                Trial[] generation = finished[at..(at + state.Population)];
                at += generation.Length;
                List<Trial> ordered = TrialOrder.BestFirst(generation, study.Directions);
                ordered.AddRange(generation.Except(ordered));
                double sign = study.Directions[0] == Direction.Minimize ? 1 : -1;
                state = state.Next([.. ordered.Select(t => state.Genes.Of(Coordinates.Encode(study.Space, t.Parameters!), state.Mean))],
                    ordered[0].State == TrialState.Complete ? sign * ordered[0].Values[0] : double.PositiveInfinity);
            }
            _kept = (study, finished[..at], state);
            return state;
        }
    }
}
