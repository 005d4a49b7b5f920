using System.Runtime.InteropServices;
using Cleave.Formats.Gguf;
using Cleave.Models.Families;
using Cleave.Numerics.Quantized;
using Cleave.Tokenizers;

namespace Cleave.Models;

/// <summary>A transformer from a GGUF file: F32, F16, BF16 and the block formats of <see cref="BlockFormat"/>, matrices as they are stored.</summary>
public static class GgufModel
{
    public const string Extension = ".gguf";

    /// <exception cref="ModelFileException">The file is missing or damaged, or asks for what is not supported.</exception>
    public static Transformer Load(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return Load(file);
    }

    /// <summary>The transformer with the file's own tokenizer.</summary>
    /// <exception cref="ModelFileException">The file is missing or damaged, or asks for what is not supported.</exception>
    public static LanguageModel LoadWithTokenizer(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        Tokenizer tokenizer = GgufTokenizer.Load(file);
        Transformer transformer = Load(file);
        return tokenizer.VocabularySize <= transformer.Spec.VocabularySize ? new LanguageModel(transformer, tokenizer, []) { Chat = GgufChat.Read(file, tokenizer) }
            : throw new ModelFileException(path, $"the tokenizer has {tokenizer.VocabularySize} tokens, but the model's embedding {transformer.Spec.VocabularySize} rows");
    }

    private static Transformer Load(GgufFile file)
    {
        TransformerSpec spec = GgufShape.Read(new GgufKeys(file.Path, file.Metadata, name => file.Contains(name) ? file.Entry(name).Shape : null, name => Floats(file, name)));
        // Matrices are held as they are stored; there is little else.
        MemoryPlan.Require(file.Entries.Sum(e => e.ByteCount), file.Path, "use a smaller or a more strongly quantized model");
        var weights = new GgufWeights(file, name => GgufNames.Place(spec, name));
        Transformer model = Transformer.Build(spec, weights.Dense, weights.Matrix);
        weights.RefuseOthers(GgufRotary.Frequencies, GgufRotary.Short, GgufRotary.Long);
        return model;
    }

    private static float[] Floats(GgufFile file, string name)
    {
        GgufEntry entry = file.Entry(name);
        if (entry.Type != GgufTensorType.F32)
            throw new ModelFileException(file.Path, $"the tensor {name} is {entry.Type}, not F32", entry.FileOffset);
        var values = new float[entry.Elements];
        file.ReadBytes(entry, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
