using System.Numerics;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;

namespace Cleave.Compression.Quantization;

/// <summary>
/// Turns a model's inner coordinates so that no channel stands out, which makes rounding easier; the model computes the same
/// (Ashkboos et al., 2024, QuaRot). What can be turned without extra work at run time is turned.
/// </summary>
public static class Rotation
{
    /// <summary>The residual stream, by random signs and Hadamard's matrix; the table of tokens and the projection to the vocabulary become two matrices.</summary>
    /// <returns>Another model; the given one is left as it is.</returns>
    /// <exception cref="CleaveException">The model's norms do not allow it.</exception>
    public static Transformer Residual(Transformer model, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(model);
        Transformer folded = ResidualBasis.Fold(model);
        int c = model.Spec.Width, size = c & -c; // the largest power of two that divides it
        Rng random = Rng.For(seed, "rotation");
        float[] signs = [.. Enumerable.Range(0, c).Select(_ => random.NextInt(2) == 0 ? 1f : -1f)];
        int[] place = [.. Enumerable.Range(0, c)];
        random.Shuffle(place.AsSpan()); // where blocks are smaller than the stream, each takes channels from everywhere
        var directions = new float[c * c];
        for (int r = 0; r < c; r++)
        {
            for (int i = r / size * size; i < r / size * size + size; i++)
                directions[r * c + place[i]] = signs[i] * Hadamard(r % size, i % size, size);
        }
        return ResidualBasis.Change(folded, directions, c);
    }

    /// <summary>The values of each head, in place: from the value projection's rows to the output projection's columns.</summary>
    /// <exception cref="CleaveException">A head's size is no power of two.</exception>
    public static void Heads(Transformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        foreach (Layer layer in model.Layers)
        {
            int size = layer.Spec.HeadSize;
            if (!BitOperations.IsPow2(size))
                throw new CleaveException($"heads of {size} cannot be rotated: a power of two can");
            var value = (DenseLinear)layer.Attention.Value;
            var output = (DenseLinear)layer.Attention.Output;
            for (int first = 0; first < value.Outputs; first += size)
            {
                for (int column = 0; column < value.Inputs; column++)
                    Turn(value.Weight.Data, first * value.Inputs + column, value.Inputs, size);
                if (value.Bias is not null)
                    Turn(value.Bias.Data, first, 1, size);
            }
            for (int row = 0; row < output.Outputs; row++)
            {
                for (int first = 0; first < output.Inputs; first += size)
                    Turn(output.Weight.Data, row * output.Inputs + first, 1, size);
            }
        }
    }

    // Hadamard's matrix is its own inverse but for its scale.
    private static void Turn(Span<float> data, int first, int stride, int size)
    {
        Span<float> x = stackalloc float[size];
        for (int i = 0; i < size; i++)
            x[i] = data[first + i * stride];
        for (int r = 0; r < size; r++)
        {
            double sum = 0;
            for (int i = 0; i < size; i++)
                sum += (double)x[i] * Hadamard(r, i, size);
            data[first + r * stride] = (float)sum;
        }
    }

    private static float Hadamard(int row, int column, int size) =>
        (float)((BitOperations.PopCount((uint)(row & column)) % 2 == 0 ? 1 : -1) / Math.Sqrt(size));
}
