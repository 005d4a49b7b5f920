using System.Runtime.InteropServices;
using Cleave.Formats.Gguf;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;
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
        return tokenizer.VocabularySize <= transformer.Spec.VocabularySize ? new LanguageModel(transformer, tokenizer, [])
            : throw new ModelFileException(path, $"the tokenizer has {tokenizer.VocabularySize} tokens, but the model's embedding {transformer.Spec.VocabularySize} rows");
    }

    private static Transformer Load(GgufFile file)
    {
        string path = file.Path;
        TransformerSpec spec = LlamaGguf.Read(file);
        MemoryPlan.Require(file.Entries.Sum(MemoryOf) + (long)spec.ContextLength * spec.Layers[0].HeadSize * sizeof(float), path, "use a smaller or a more strongly quantized model");
        int headSize = spec.Layers[0].HeadSize;
        return Transformer.Build(spec, (name, rows, columns) => Dense(file, Entry(file, name, rows, columns), RotationOf(name, headSize)),
            (name, rows, columns) => Matrix(file, Entry(file, name, rows, columns), RotationOf(name, headSize)));
    }

    // Matrices are held as they are stored, and there is little else.
    private static long MemoryOf(GgufEntry entry) => entry.ByteCount;

    private static GgufEntry Entry(GgufFile file, string name, int rows, int columns)
    {
        GgufEntry entry = file.Entry(LlamaGguf.Name(name));
        bool fits = entry.Shape is [var r, var c] && r == rows && c == columns || rows == 1 && entry.Shape is [var only] && only == columns;
        return fits ? entry
            : throw new ModelFileException(file.Path, $"the tensor {entry.Name} is ({string.Join(", ", entry.Shape)}), but the keys ask for ({rows}, {columns})", entry.FileOffset);
    }

    /// <summary>The head size for rows in the order of neighbouring rotations, or 0.</summary>
    private static int RotationOf(string name, int headSize) => LlamaGguf.IsRotated(name) ? headSize : 0;

    private static Linear Matrix(GgufFile file, GgufEntry entry, int headSize)
    {
        BlockFormat? format = entry.Type.Blocks();
        HalfFormat? half = entry.Type switch
        {
            GgufTensorType.F16 => HalfFormat.Float16,
            GgufTensorType.BF16 => HalfFormat.BFloat16,
            _ => null,
        };
        if (format is null && half is null)
            return new DenseLinear(Dense(file, entry, headSize));
        int rows = (int)entry.Shape[0], columns = (int)entry.Shape[1];
        try
        {
            if (format is not { } blocks)
            {
                return new HalfLinear(HalfMatrix.Load(half!.Value, rows, columns,
                    (row, count, destination) => ReadRows(file, entry, row, count, headSize, destination), Math.Max(1, headSize)));
            }
            return new QuantizedLinear(QuantizedMatrix.Pack(blocks, rows, columns,
                (row, count, destination) => ReadRows(file, entry, row, count, headSize, destination), Math.Max(1, headSize)));
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} cannot be used: {e.Message}", entry.FileOffset);
        }
    }

    private static Tensor Dense(GgufFile file, GgufEntry entry, int headSize)
    {
        if (!entry.Type.IsPlain())
        {
            throw new ModelFileException(file.Path,
                $"the tensor {entry.Name} is {entry.Type}; F32, F16, BF16 and, for matrices, {string.Join(", ", Enum.GetNames<BlockFormat>())} can be read", entry.FileOffset);
        }
        int rows = entry.Shape.Length == 1 ? 1 : (int)entry.Shape[0], columns = (int)entry.Shape[^1];
        Tensor tensor = Tensor.Parameter(rows, columns, requiresGradient: false);
        var raw = new byte[entry.ByteCount / rows];
        for (int r = 0; r < rows; r++)
        {
            ReadRows(file, entry, headSize == 0 ? r : LlamaGguf.RotatedRow(r, headSize), 1, 0, raw);
            Span<float> row = tensor.Data.Slice(r * columns, columns);
            switch (entry.Type)
            {
                case GgufTensorType.F32: MemoryMarshal.Cast<byte, float>(raw).CopyTo(row); break;
                case GgufTensorType.F16: Conversion.HalfToFloat(MemoryMarshal.Cast<byte, Half>(raw), row); break;
                default: Conversion.BFloat16ToFloat(MemoryMarshal.Cast<byte, ushort>(raw), row); break;
            }
        }
        if (tensor.Data.ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            throw new ModelFileException(file.Path, $"the tensor {entry.Name} holds a value that is not finite; the file is damaged or the training diverged", entry.FileOffset);
        return tensor;
    }

    // Rows of a head come in one call, so that their order can be changed within it.
    private static void ReadRows(GgufFile file, GgufEntry entry, int row, int count, int headSize, Span<byte> destination)
    {
        int rowBytes = destination.Length / count;
        if (headSize == 0)
        {
            file.ReadBytes(entry, (long)row * rowBytes, destination);
            return;
        }
        var stored = new byte[destination.Length];
        file.ReadBytes(entry, (long)row * rowBytes, stored);
        for (int r = 0; r < count; r++)
            stored.AsSpan((LlamaGguf.RotatedRow(row + r, headSize) - row) * rowBytes, rowBytes).CopyTo(destination[(r * rowBytes)..]);
    }
}
