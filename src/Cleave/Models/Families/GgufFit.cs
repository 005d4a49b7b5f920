using System.Globalization;
using Cleave.Formats.Gguf;
using Cleave.Models.Positions;
using Cleave.Numerics.Kernels;

namespace Cleave.Models.Families;

/// <summary>
/// Whether a model can be a GGUF file: its keys are read back, and what comes out must compute the same; and llama.cpp, which
/// the file is for, must have a place for every weight.
/// </summary>
internal static class GgufFit
{
    /// <param name="keys">Those of the file, <c>general.architecture</c> among them.</param>
    /// <param name="tensors">Those of the file.</param>
    /// <param name="name">The model that messages name.</param>
    /// <exception cref="CleaveException">It cannot, with the reason.</exception>
    public static void Require(TransformerSpec spec, IReadOnlyList<GgufKey> keys, IReadOnlyList<GgufTensor> tensors, string name)
    {
        GgufFamily family = GgufFamily.Of(spec);
        string? problem = Square(spec, family) ?? BiasesOf(spec, family)
            ?? (family.OutputMatrix == true && spec.TiedEmbeddings ? "its output is the token table, but llama.cpp wants a matrix of its own" : null);
        if (problem is null)
        {
            var shapes = tensors.ToDictionary(t => t.Name, t => t.Shape, StringComparer.Ordinal);
            var read = new GgufKeys(name, new GgufMetadata(name, keys), tensor => shapes.GetValueOrDefault(tensor), tensor => Floats(tensors, tensor));
            try
            {
                problem = Difference(spec, GgufShape.Read(read));
            }
            catch (ModelFileException e)
            {
                problem = e.Message;
            }
        }
        if (problem is not null)
            throw new CleaveException($"{name}: this model cannot be a GGUF file of '{family.Architecture}': {problem}");
    }

    private static string? Square(TransformerSpec spec, GgufFamily family) =>
        family.SquareAttention && spec.Layers.FirstOrDefault(l => l.Heads * l.HeadSize != spec.Width) is { } l
            ? $"{l.Heads} heads of {l.HeadSize} are not as wide as the model's {spec.Width}, as llama.cpp wants them" : null;

    private static string? BiasesOf(TransformerSpec spec, GgufFamily family) =>
        (spec.Biases & ~family.Biases) != 0 ? $"there is no place for biases of {spec.Biases & ~family.Biases}"
        : (family.NeededBiases & ~spec.Biases) != 0 ? $"llama.cpp wants biases of {family.NeededBiases & ~spec.Biases}" : null;

    private static float[] Floats(IReadOnlyList<GgufTensor> tensors, string name)
    {
        using var bytes = new MemoryStream();
        tensors.First(t => t.Name == name).WriteData(bytes);
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)).ToArray();
    }

    /// <summary>The first thing that two shapes compute differently, or null.</summary>
    internal static string? Difference(TransformerSpec a, TransformerSpec b)
    {
        if (a.Layers.Count != b.Layers.Count)
            return "its number of layers has no place";
        for (int i = 0; i < a.Layers.Count; i++)
        {
            if (Seen(a, a.Layers[i]) != Seen(b, b.Layers[i]))
                return $"layer {i} is {a.Layers[i]}, of which only {b.Layers[i]} has a place";
        }
        (string What, object? A, object? B)[] all =
        [
            ("norms", (a.Norm, a.NormPlace), (b.Norm, b.NormPlace)), ("epsilon", a.NormEpsilon, b.NormEpsilon),
            ("parallel blocks", a.ParallelResidual, b.ParallelResidual), ("positions", a.Position, b.Position), ("activation", a.Activation, b.Activation),
            ("gates", a.Gated, b.Gated), ("biases", a.Biases, b.Biases), ("norm of queries and keys", a.QueryKeyNorm, b.QueryKeyNorm),
            ("scale of queries", Scale(a), Scale(b)), ("cap of scores", a.AttentionSoftCap, b.AttentionSoftCap), ("cap of logits", a.LogitSoftCap, b.LogitSoftCap),
            ("scale of embeddings", a.EmbeddingScale, b.EmbeddingScale), ("tied output", a.TiedEmbeddings, b.TiedEmbeddings),
            ("context", a.ContextLength, b.ContextLength), ("width", (a.Width, a.VocabularySize), (b.Width, b.VocabularySize)),
        ];
        foreach ((string what, object? x, object? y) in all)
        {
            if (!Equals(x, y))
                return string.Create(CultureInfo.InvariantCulture, $"{what}: {x} would become {y}");
        }
        return a.Position == PositionKind.Rotary && !SameAngles(a, b) ? "its rotary positions have no place" : null;
    }

    // A window as long as the context hides nothing.
    private static LayerSpec Seen(TransformerSpec spec, LayerSpec l) => l with { Window = l.Window >= spec.ContextLength ? 0 : l.Window };

    private static float Scale(TransformerSpec spec) =>
        MathF.Round((spec.QueryScale > 0 ? spec.QueryScale : 1 / MathF.Sqrt(ConfigKeys.First(spec).HeadSize)) * 1e5f);

    private static bool SameAngles(TransformerSpec a, TransformerSpec b) =>
        Angles(a, a.RotaryScaling, a.RotaryBase) is var x && Angles(b, b.RotaryScaling, b.RotaryBase) is var y && Close(x, y)
        && (a.Layers.All(l => l.Window == 0) || Close(Angles(a, null, a.LocalRotaryBase ?? 0), Angles(b, null, b.LocalRotaryBase ?? 0)));

    private static bool Close(double[] x, double[] y) => x.Length == y.Length && x.Zip(y).All(p => Math.Abs(p.First - p.Second) <= 1e-6 * Math.Abs(p.First));

    private static double[] Angles(TransformerSpec spec, RotaryScaling? scaling, double theta)
    {
        if (theta == 0)
            return [];
        double[] plain = RotaryTable.Frequencies(spec.RotarySize ?? ConfigKeys.First(spec).HeadSize, theta);
        return scaling is null ? [.. plain, 1] : [.. scaling.Frequencies(plain, theta), scaling.Magnitude];
    }
}
