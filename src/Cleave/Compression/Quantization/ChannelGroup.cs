using Cleave.Models;
using Cleave.Models.Blocks;

namespace Cleave.Compression.Quantization;

/// <summary>
/// Matrices that read the same channels, and what makes these channels: dividing a channel where it is made and multiplying
/// its column where it is read changes nothing but how well the numbers can be rounded.
/// </summary>
/// <param name="Channels">How many there are.</param>
/// <param name="Channel">The channel behind an input: several heads read one key-value group.</param>
/// <param name="FromNorm">Whether a norm makes them.</param>
internal sealed record ChannelGroup(IReadOnlyList<(string Name, DenseLinear Linear)> Readers, int Channels, Func<int, int> Channel, bool FromNorm, Action<double[]> DivideSource)
{
    /// <summary>The groups of a layer of float32 matrices.</summary>
    public static IEnumerable<ChannelGroup> Of(Layer layer, int index)
    {
        SelfAttention a = layer.Attention;
        if (layer.AttentionNorm is { } attentionNorm)
        {
            yield return FromNormTo(attentionNorm, (WeightNames.Query(index), a.Query), (WeightNames.Key(index), a.Key), (WeightNames.Value(index), a.Value));
        }
        int size = a.Spec.HeadSize, shared = a.Spec.Heads / a.Spec.KeyValueHeads;
        yield return new ChannelGroup([(WeightNames.AttentionOutput(index), (DenseLinear)a.Output)], a.Value.Outputs,
            i => i / size / shared * size + i % size, FromNorm: false, by => DivideRows((DenseLinear)a.Value, by));
        if (layer.FeedForward is not { } f)
            yield break;
        if (layer.FeedForwardNorm is { } norm)
        {
            yield return f.Gate is { } gate ? FromNormTo(norm, (WeightNames.Gate(index), gate), (WeightNames.Up(index), f.Up))
                : FromNormTo(norm, (WeightNames.Up(index), f.Up));
        }
        if (f.Gate is not null) // without a gate the activation stands between the two
        {
            yield return new ChannelGroup([(WeightNames.Down(index), (DenseLinear)f.Down)], f.Down.Inputs, i => i, FromNorm: false,
                by => DivideRows((DenseLinear)f.Up, by));
        }
    }

    /// <summary>Moves a factor of each channel from where it is made to where it is read.</summary>
    public void Move(double[] factors)
    {
        DivideSource(factors);
        foreach ((string _, DenseLinear linear) in Readers)
            MultiplyColumns(linear.Weight.Data, factors);
    }

    /// <summary>Multiplies each column of a reader's weights with its channel's factor.</summary>
    public void MultiplyColumns(Span<float> weights, double[] factors)
    {
        int n = Readers[0].Linear.Inputs;
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(weights[i] * factors[Channel(i % n)]);
    }

    /// <summary>Something of each input as the mean over those of a channel.</summary>
    public double[] ByChannel(IReadOnlyList<double> ofInputs)
    {
        var sums = new double[Channels];
        for (int i = 0; i < ofInputs.Count; i++)
            sums[Channel(i)] += ofInputs[i] * Channels / ofInputs.Count;
        return sums;
    }

    private static ChannelGroup FromNormTo(Norm norm, params (string Name, Linear Linear)[] readers) =>
        new([.. readers.Select(r => (r.Name, (DenseLinear)r.Linear))], norm.Weight.Length, i => i, FromNorm: true, by =>
        {
            for (int i = 0; i < by.Length; i++)
            {
                norm.Weight.Data[i] = (float)(norm.Weight.Data[i] / by[i]);
                if (norm.Bias is not null)
                    norm.Bias.Data[i] = (float)(norm.Bias.Data[i] / by[i]);
            }
        });

    private static void DivideRows(DenseLinear linear, double[] by)
    {
        for (int r = 0; r < linear.Outputs; r++)
        {
            foreach (ref float w in linear.Weight.Data.Slice(r * linear.Inputs, linear.Inputs))
                w = (float)(w / by[r]);
            if (linear.Bias is not null)
                linear.Bias.Data[r] = (float)(linear.Bias.Data[r] / by[r]);
        }
    }
}
