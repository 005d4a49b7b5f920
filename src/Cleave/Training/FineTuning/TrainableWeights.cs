using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Cleave.Training.Adapters;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Training.FineTuning;

/// <summary>What a method trains of a model, and what it freezes.</summary>
/// <param name="Adapter">The adapter that was attached, or null.</param>
public sealed record TrainableWeights(IReadOnlyList<(string Name, Tensor Tensor)> Parameters, Adapter? Adapter)
{
    /// <exception cref="CleaveException">The method cannot be used with this model or task.</exception>
    public static TrainableWeights Of(Transformer transformer, TaskHead? head, FineTuneOptions options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(options);
        Adapter? adapter = null;
        if (options.UsesAdapter)
            adapter = Adapter.Attach(transformer, options.ToAdapter(), Rng.For(seed, "adapter"), readerOnly: head is not null);
        else if (options.Method == FineTuneMethod.Head)
            FreezeForHead(transformer, head);
        else
            FreezeAllBut(transformer, head is null ? transformer : transformer.Reader, options.Method == FineTuneMethod.Full ? int.MaxValue : options.LastLayers);
        List<(string, Tensor)> parameters = [.. transformer.Parameters().Where(p => p.Tensor.RequiresGradient), .. adapter?.Parameters ?? []];
        if (head is not null)
            parameters.AddRange([(WeightNames.Head(head.Task), head.Projection.Weight), (WeightNames.HeadBias(head.Task), head.Projection.Bias!)]);
        return new TrainableWeights(parameters, adapter);
    }

    private static void FreezeForHead(Transformer transformer, TaskHead? head)
    {
        if (head is null)
            throw new CleaveException("the method head is for the tasks classify and extract: others have no head of their own; use lora or last");
        Adapter.Freeze(transformer);
    }

    // The last layers of a stack and its final norm stay trainable; everything does where there are no more layers than that.
    private static void FreezeAllBut(Transformer transformer, Transformer stack, int lastLayers)
    {
        int first = stack.Layers.Count - lastLayers;
        bool ofEncoder = stack != transformer;
        foreach ((string name, object weight) in transformer.Weights())
        {
            string own = WeightNames.OfStack(name);
            bool trained = first <= 0 || WeightNames.IsOfEncoder(name) == ofEncoder && (own.StartsWith(WeightNames.FinalNorm[..^"weight".Length], StringComparison.Ordinal)
                || Enumerable.Range(first, lastLayers).Any(i => own.StartsWith(WeightNames.Layer(i) + ".", StringComparison.Ordinal)));
            if (trained && weight is Linear and not DenseLinear)
                throw new CleaveException($"{name} is not held in float32, and only float32 weights can be trained themselves; train an adapter on it (lora, dora, ia3)");
            if (!trained)
                (weight as Tensor ?? (weight as DenseLinear)?.Weight)?.Freeze();
        }
    }
}
