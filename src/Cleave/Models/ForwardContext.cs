using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>What a forward pass carries past the layers.</summary>
/// <param name="Batch">The tokens' places.</param>
/// <param name="Causal">False: every token sees its whole sequence.</param>
/// <param name="Caches">One cache a sequence, or null to compute without.</param>
/// <param name="Observer">Sees inner activations: how importance is measured.</param>
/// <param name="Noise">What training leaves out, or null.</param>
internal readonly record struct ForwardContext(
    TokenBatch Batch, bool Causal, IReadOnlyList<KeyValuePages>? Caches, IActivationObserver? Observer, TrainingNoise? Noise = null)
{
    /// <summary>(H, 2R + 1), what the stack's layers add to scores by distance, or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>What a decoder's layers look at; null where the caches keep it.</summary>
    public EncodedSource? Source { get; init; }
}

/// <summary>What an encoder made of sequences laid end to end, for a decoder to look at.</summary>
/// <param name="States">(M, C), after the encoder's final norm.</param>
/// <param name="Offsets">Sequence b is rows Offsets[b] … Offsets[b+1]−1; as long as the states are used.</param>
public readonly record struct EncodedSource(Tensor States, ReadOnlyMemory<int> Offsets);

/// <summary>Sees a model's inner activations during a forward pass, without changing them.</summary>
public interface IActivationObserver
{
    /// <summary>The queries (N, H·D), keys and values (N, G·D) that attention is computed from, positions put in.</summary>
    void AttentionInputs(int layer, Tensor query, Tensor key, Tensor value) { }

    /// <summary>The concatenated heads' outputs (N, H·D), before the output projection.</summary>
    void AttentionHeads(int layer, Tensor heads);

    /// <summary>The same of the attention to an encoder's states.</summary>
    void CrossAttentionHeads(int layer, Tensor heads);

    /// <summary>The feed-forward's inner neurons (N, F), before the down projection.</summary>
    /// <param name="expert">Which of several networks, the shared one behind the others; 0 for the only one.</param>
    void FeedForwardNeurons(int layer, int expert, Tensor neurons);

    /// <summary>A whole layer's input and output (N, C).</summary>
    void Layer(int layer, Tensor input, Tensor output);
}
