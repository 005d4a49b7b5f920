using Cleave.Models;
using Cleave.Numerics.Tensors;
using Cleave.Training.Adapters;

namespace Cleave.Training.Distributed;

/// <summary>The layers of a transformer as places at which gradients become complete.</summary>
internal static class LayerPlaces
{
    /// <summary>
    /// What of the parameters belongs to each layer alone, from the last layer to the first and the decoder before its encoder. Tables and
    /// heads are in no place: tables may be shared by both ends of the model.
    /// </summary>
    public static IReadOnlyList<ParameterPlace> Of(Transformer transformer, IReadOnlyList<(string Name, Tensor Tensor)> parameters)
    {
        IEnumerable<ParameterPlace> places = Stack(transformer, WeightNames.Layers);
        if (transformer.Encoder is { } encoder)
            places = places.Concat(Stack(encoder, WeightNames.EncoderPrefix + WeightNames.Layers));
        return [.. places];

        IEnumerable<ParameterPlace> Stack(Transformer stack, string prefix)
        {
            ILookup<int, Tensor> byLayer = parameters.Where(p => Plain(p.Name).StartsWith(prefix, StringComparison.Ordinal))
                .ToLookup(p => LayerOf(Plain(p.Name)[prefix.Length..]), p => p.Tensor);
            return Enumerable.Range(0, stack.Layers.Count).Reverse().Select(i => new ParameterPlace(stack.Layers[i], [.. byLayer[i].Reverse()]));
        }
    }

    private static string Plain(string name) => name.StartsWith(Adapter.ParameterPrefix, StringComparison.Ordinal) ? name[Adapter.ParameterPrefix.Length..] : name;

    private static int LayerOf(string rest) => int.Parse(rest.AsSpan(0, rest.IndexOf('.', StringComparison.Ordinal)), System.Globalization.CultureInfo.InvariantCulture);
}
