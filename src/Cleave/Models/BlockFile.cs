using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>A transformer whose matrices are in block formats, in a GGUF file beside config.json: see <see cref="BlockFileNames"/>.</summary>
internal static class BlockFile
{
    /// <param name="spec">What config.json says.</param>
    /// <param name="frozen">False: sixteen-bit matrices become float32.</param>
    /// <exception cref="ModelFileException">The file is missing or damaged, or of another model than config.json.</exception>
    public static Transformer Read(string folder, TransformerSpec spec, bool frozen)
    {
        string path = Path.Combine(folder, BlockFileNames.Weights);
        Transformer model = GgufModel.Load(path);
        if (Family.Of(spec).Gguf is not { } family || family != Family.Of(model.Spec).Gguf)
            throw new ModelFileException(path, $"is of the family '{model.Spec.Family}', but config.json of '{spec.Family}'; they belong to different models");
        if (GgufFit.Difference(spec, model.Spec) is { } difference)
            throw new ModelFileException(path, $"is another model than config.json tells of: {difference}");
        if (!frozen)
            model.ReplaceLinears((_, linear) => linear is HalfLinear half ? Widened(half) : linear);
        return model;
    }

    /// <summary>Bytes of the weights, without the keys before them.</summary>
    public static long WeightBytes(string folder)
    {
        using GgufFile file = GgufFile.Open(Path.Combine(folder, BlockFileNames.Weights));
        return file.Entries.Sum(e => e.ByteCount);
    }

    private static DenseLinear Widened(HalfLinear half)
    {
        Tensor weights = Tensor.Parameter(half.Outputs, half.Inputs);
        for (int r = 0; r < half.Outputs; r++)
            half.CopyRow(r, weights.Data.Slice(r * half.Inputs, half.Inputs));
        return new DenseLinear(weights, half.Bias);
    }
}
