using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>
/// Sparse experts: a router sends every token to the K networks of highest probability, whose results are summed with those
/// probabilities as weights (Jiang et al., 2024); a shared network sees every token, behind σ(its gate).
/// </summary>
public sealed class Experts(ExpertSpec spec, DenseLinear router, IReadOnlyList<FeedForward> networks, FeedForward? shared, DenseLinear? sharedGate)
{
    /// <summary>(E, C). Small, and its order of the experts decides: it stays float32.</summary>
    public DenseLinear Router { get; } = router;

    public IReadOnlyList<FeedForward> Networks { get; } = networks;

    public FeedForward? Shared { get; } = shared;

    /// <summary>(1, C).</summary>
    public DenseLinear? SharedGate { get; } = sharedGate;

    /// <summary>x (N, C) → (N, C).</summary>
    internal Tensor Forward(Tape tape, Tensor x, ForwardContext context, int layer)
    {
        var chosen = new int[x.Rows * spec.PerToken];
        Tensor weights = Op.Route(tape, Router.Forward(tape, x), spec.PerToken, spec.Normalized, chosen);
        var parts = new List<ExpertPart>();
        for (int e = 0; e < Networks.Count; e++)
        {
            // Cell i of (N, K) is choice i % K of token i / K.
            int[] cells = [.. Enumerable.Range(0, chosen.Length).Where(i => chosen[i] == e)];
            if (cells.Length == 0)
                continue;
            Tensor rows = Op.GatherRows(tape, x, Array.ConvertAll(cells, i => i / spec.PerToken));
            parts.Add(new ExpertPart(Networks[e].Forward(tape, rows, context, layer, e), cells));
        }
        Tensor y = Op.CombineExperts(tape, weights, parts, x.Columns);
        return Shared is null ? y
            : Op.Add(tape, y, Op.SigmoidGate(tape, Shared.Forward(tape, x, context, layer, Networks.Count), SharedGate!.Forward(tape, x)));
    }

    internal void Visit(WeightVisitor visitor, int index)
    {
        visitor.Linear(WeightNames.Router(index), Router, replaceable: false);
        for (int e = 0; e < Networks.Count; e++)
            Networks[e].Visit(visitor, WeightNames.Expert(index, e));
        Shared?.Visit(visitor, WeightNames.SharedExpert(index));
        if (SharedGate is not null)
            visitor.Linear(WeightNames.SharedExpertGate(index), SharedGate, replaceable: false);
    }
}
