using Cleave.Models;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Distillation;

/// <summary>Keeps some of a forward pass's inner states.</summary>
/// <param name="layers">Whose outputs are kept.</param>
/// <param name="relations">The layer whose queries, keys and values are kept; −1 for none.</param>
/// <param name="keep">The tensor itself where it lives as long as it is looked at, else a copy.</param>
internal sealed class ObservedStates(IReadOnlyCollection<int> layers, int relations, Func<Tensor, Tensor> keep) : IActivationObserver
{
    private readonly Dictionary<int, Tensor> _layers = [];

    /// <summary>A layer's output, (N, C).</summary>
    public Tensor Output(int layer) => _layers[layer];

    /// <summary>Queries, keys and values, (N, ·) each.</summary>
    public IReadOnlyList<Tensor> Relations { get; private set; } = [];

    public void AttentionInputs(int layer, Tensor query, Tensor key, Tensor value)
    {
        if (layer == relations)
            Relations = [keep(query), keep(key), keep(value)];
    }

    public void AttentionHeads(int layer, Tensor heads) { }

    public void CrossAttentionHeads(int layer, Tensor heads) { }

    public void FeedForwardNeurons(int layer, int expert, Tensor neurons) { }

    public void Layer(int layer, Tensor input, Tensor output)
    {
        if (layers.Contains(layer))
            _layers[layer] = keep(output);
    }
}
