using Cleave.Models;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression;

/// <summary>
/// Writes a model's residual stream in another basis. An RMS norm without weights does not notice a rotation, so that norms'
/// weights are first moved into the matrices that read them (Ashkboos et al., 2024, SliceGPT): the model computes the same. The
/// table of tokens and the projection to the vocabulary become two matrices.
/// </summary>
internal static class ResidualBasis
{
    /// <summary>The same model, its norms without weights.</summary>
    /// <exception cref="CleaveException">The model's norms are of another kind or stand at other places, or it is an encoder–decoder.</exception>
    public static Transformer Fold(Transformer model)
    {
        TransformerSpec spec = model.Spec;
        if (spec.Norm != NormKind.Rms || spec.NormPlace != NormPlace.Before)
            throw new CleaveException($"{spec.Family}: the width of the residual stream can be changed only where RMS norms stand before each part; prune neurons, heads or layers instead");
        if (spec.Encoder is not null)
            throw new CleaveException($"{spec.Family}: the residual stream of an encoder-decoder cannot be changed, because its two stacks share a token table; leave its width, and turn heads alone (--rotate heads)");
        Dictionary<string, float[]> weights = model.Weights().ToDictionary(w => w.Name, w => DenseCopy.Values(w.Weight), StringComparer.Ordinal);
        if (spec.TiedEmbeddings)
            weights[WeightNames.Output] = [.. weights[WeightNames.Embedding]];
        foreach (string name in weights.Keys.Where(n => ReadsStream(n) || n == WeightNames.Output))
        {
            float[] norm = weights[NormBefore(name)], matrix = weights[name];
            for (int i = 0; i < matrix.Length; i++)
                matrix[i] *= norm[i % norm.Length];
        }
        foreach (string name in weights.Keys.Where(IsStreamNorm))
            Array.Fill(weights[name], 1);
        return Transformer.Build(spec with { TiedEmbeddings = false }, (name, rows, columns) => Tensor.From(weights[name], rows, columns));
    }

    /// <summary>The model in the coordinates of some directions; exactly the same where they are all of a basis.</summary>
    /// <param name="folded">Of <see cref="Fold"/>.</param>
    /// <param name="directions">Orthonormal rows, (<paramref name="kept"/>, C).</param>
    public static Transformer Change(Transformer folded, float[] directions, int kept)
    {
        int c = folded.Spec.Width;
        var weights = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach ((string name, object weight) in folded.Weights())
        {
            float[] values = DenseCopy.Values(weight);
            weights[name] = IsStreamNorm(name) ? Scale(kept, c) : WritesStream(name) ? Left(directions, kept, c, values)
                : name == WeightNames.Embedding || name == WeightNames.Output || name == WeightNames.Positions || ReadsStream(name) ? Right(values, directions, kept, c) : values;
        }
        return Transformer.Build(folded.Spec with { Width = kept }, (name, rows, columns) => Tensor.From(weights[name], rows, columns));
    }

    // The mean over fewer channels is larger where what is left out is small.
    private static float[] Scale(int kept, int width)
    {
        var norm = new float[kept];
        Array.Fill(norm, (float)Math.Sqrt((double)width / kept));
        return norm;
    }

    /// <summary>Rows of a matrix that reads the stream, in the new coordinates.</summary>
    internal static float[] Right(float[] matrix, float[] directions, int kept, int c)
    {
        int rows = matrix.Length / c;
        var result = new float[rows * kept];
        MatMul.Multiply(matrix, c, false, directions, c, true, result, kept, rows, kept, c);
        return result;
    }

    // A bias is a matrix of one column.
    private static float[] Left(float[] directions, int kept, int c, float[] matrix)
    {
        int columns = matrix.Length / c;
        var result = new float[kept * columns];
        MatMul.Multiply(directions, c, false, matrix, columns, false, result, columns, kept, columns, c);
        return result;
    }

    private static string Part(string name) => name.Split('.') is [.., var part, _] ? part : "";

    private static bool ReadsStream(string name) => name.EndsWith(".weight", StringComparison.Ordinal)
        && Part(name) is "q_proj" or "k_proj" or "v_proj" or "gate_proj" or "up_proj" or "gate" or "shared_expert_gate";

    private static bool WritesStream(string name) => Part(name) is "o_proj" or "down_proj";

    private static bool IsStreamNorm(string name) => name == WeightNames.FinalNorm || Part(name) is "input_layernorm" or "post_attention_layernorm";

    private static string NormBefore(string name)
    {
        if (name == WeightNames.Output)
            return WeightNames.FinalNorm;
        int layer = int.Parse(name.Split('.')[2], System.Globalization.CultureInfo.InvariantCulture);
        return name.Contains(".self_attn.", StringComparison.Ordinal) ? WeightNames.AttentionNorm(layer) : WeightNames.FeedForwardNorm(layer);
    }
}
