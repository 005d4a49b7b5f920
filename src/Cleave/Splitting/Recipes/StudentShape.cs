using Cleave.Models;

namespace Cleave.Splitting.Recipes;

/// <summary>The shape of a student before there is one.</summary>
internal static class StudentShape
{
    /// <summary>A model with the first of its layers, and of each so many groups and neurons at most.</summary>
    public static TransformerSpec Of(TransformerSpec model, int layers, int encoderLayers, int groups, int feedForward) => model with
    {
        Layers = [.. model.Layers.Take(layers).Select(l => l with
        {
            Heads = l.Heads / l.KeyValueHeads * Math.Min(groups, l.KeyValueHeads),
            KeyValueHeads = Math.Min(groups, l.KeyValueHeads),
            FeedForwardWidth = Math.Min(feedForward, l.FeedForwardWidth),
        })],
        Encoder = model.Encoder is { } encoder ? Of(encoder, encoderLayers, 0, groups, feedForward) : null,
    };
}
