using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cleave.Formats;
using Cleave.Models.Families;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Microsoft.Win32.SafeHandles;

namespace Cleave.Models;

/// <summary>
/// A transformer from the weights file of karpathy/llama2.c (its first version, which has no marker): seven 32-bit numbers, then
/// float32, one kind of weight of all layers after the other. The tokenizer is another file.
/// </summary>
public static class Llama2cModel
{
    public const string Extension = ".bin";
    private const int HeaderBytes = 7 * sizeof(int);

    /// <exception cref="ModelFileException">The file is missing or damaged, or is not such a file.</exception>
    public static Transformer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using SafeFileHandle file = ModelBytes.Open(path);
        long length = RandomAccess.GetLength(file);
        if (length < HeaderBytes)
            throw new ModelFileException(path, "the file is too short to be a llama2.c model");
        var header = new byte[HeaderBytes];
        ModelBytes.Read(file, path, header, 0, "the header");
        TransformerSpec spec = Read(path, header);
        Dictionary<string, long> offsets = Offsets(spec, out long end);
        long tables = (long)spec.ContextLength * spec.Layers[0].HeadSize; // cosines and sines, which nothing reads
        long expected = HeaderBytes + sizeof(float) * (end + tables + (spec.TiedEmbeddings ? 0 : (long)spec.VocabularySize * spec.Width));
        if (expected != length)
            throw new ModelFileException(path, $"the file has {length} bytes, but its header calls for {expected}; it is damaged or not a llama2.c model");
        if (!spec.TiedEmbeddings)
            offsets[WeightNames.Output] = end + tables;
        MemoryPlan.Require(expected, path, "use a smaller model");
        return Transformer.Build(spec, (name, rows, columns) =>
        {
            Tensor tensor = Tensor.Parameter(rows, columns, requiresGradient: false);
            // Neighbouring rows turn together, as in GGUF files of Llama.
            StoredWeight place = GgufNames.Place(spec, name);
            for (int r = 0; r < rows; r++)
            {
                Span<float> row = tensor.Data.Slice(r * columns, columns);
                ModelBytes.Read(file, path, MemoryMarshal.AsBytes(row), HeaderBytes + sizeof(float) * (offsets[name] + (long)place.Row(r) * columns), name);
            }
            return tensor.Data.ContainsAnyExceptInRange(float.MinValue, float.MaxValue)
                ? throw new ModelFileException(path, $"{name} holds a value that is not finite; the file is damaged") : tensor;
        });
    }

    private static TransformerSpec Read(string path, ReadOnlySpan<byte> header)
    {
        var numbers = new int[7];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(header[(i * sizeof(int))..]);
        (int width, int feedForward, int layers, int heads, int kvHeads, int vocabulary, int context) =
            (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]);
        if (width < 1 || feedForward < 1 || layers is < 1 or > 10_000 || heads < 1 || width % heads != 0 || kvHeads < 1 || vocabulary is 0 or int.MinValue || context < 1)
            throw new ModelFileException(path, "the first numbers are not those of a llama2.c model", 0);
        TransformerSpec spec = TransformerSpec.Uniform(Math.Abs(vocabulary), width, layers, heads, kvHeads, feedForward, context) with { TiedEmbeddings = vocabulary > 0 };
        return spec.Problem() is { } problem ? throw new ModelFileException(path, problem, 0) : spec;
    }

    /// <summary>Where each weight begins, in floats.</summary>
    private static Dictionary<string, long> Offsets(TransformerSpec spec, out long end)
    {
        LayerSpec layer = spec.Layers[0];
        long c = spec.Width, f = layer.FeedForwardWidth, q = (long)layer.Heads * layer.HeadSize, kv = (long)layer.KeyValueHeads * layer.HeadSize, at = 0;
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        Put(WeightNames.Embedding, spec.VocabularySize * c);
        PutEach(WeightNames.AttentionNorm, c);
        PutEach(WeightNames.Query, q * c);
        PutEach(WeightNames.Key, kv * c);
        PutEach(WeightNames.Value, kv * c);
        PutEach(WeightNames.AttentionOutput, q * c);
        PutEach(WeightNames.FeedForwardNorm, c);
        PutEach(WeightNames.Gate, f * c);
        PutEach(WeightNames.Down, f * c);
        PutEach(WeightNames.Up, f * c);
        Put(WeightNames.FinalNorm, c);
        end = at;
        return offsets;

        void Put(string name, long floats)
        {
            offsets[name] = at;
            at += floats;
        }

        void PutEach(Func<int, string> name, long floats)
        {
            for (int i = 0; i < spec.Layers.Count; i++)
                Put(name(i), floats);
        }
    }
}
