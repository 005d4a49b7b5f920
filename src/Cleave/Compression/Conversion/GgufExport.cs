using System.Runtime.InteropServices;
using Cleave.Formats.Gguf;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;

namespace Cleave.Compression.Conversion;

/// <summary>A model as the keys and tensors of a GGUF file that llama.cpp loads.</summary>
internal sealed class GgufExport(LanguageModel model, string name, TypeMix mix, ConversionOptions options, Action<long> written, CancellationToken cancel)
{
    private const int QuantizationVersion = 2; // of ggml's block formats
    private const int RowsAtOnce = 64;

    public IReadOnlyList<GgufKey> Keys() =>
    [
        new GgufKey("general.architecture", LlamaGguf.Architecture),
        new GgufKey("general.type", "model"),
        new GgufKey("general.name", name),
        .. LlamaGguf.Write(model.Transformer.Spec),
        new GgufKey("general.file_type", mix.FileType),
        new GgufKey("general.quantization_version", QuantizationVersion),
        .. GgufTokenizerWriter.Write(model.Tokenizer, model.Transformer.Spec.VocabularySize, name),
    ];

    public IReadOnlyList<GgufTensor> Tensors() => [.. model.Transformer.Weights().Select(w => w.Weight switch
    {
        Linear linear => Matrix(w.Name, linear),
        Tensor vector => new GgufTensor(LlamaGguf.Name(w.Name), GgufTensorType.F32, [vector.Length], s => s.Write(MemoryMarshal.AsBytes(vector.Data))),
        _ => throw new ArgumentException($"{w.Name}: a {w.Weight.GetType().Name} cannot be stored"),
    })];

    private GgufTensor Matrix(string hfName, Linear linear)
    {
        string stored = LlamaGguf.Name(hfName);
        GgufTensorType type = options.KeepBlocks && linear is QuantizedLinear { Weight.Format: var format } ? format.Stored()
            : mix.For(hfName, model.Transformer.Spec, linear.Inputs, options.Importance is not null);
        int headSize = LlamaGguf.IsRotated(hfName) ? model.Transformer.Spec.Layers[0].HeadSize : 0;
        return new GgufTensor(stored, type, [linear.Outputs, linear.Inputs], stream =>
        {
            for (int row = 0; row < linear.Outputs; row += RowsAtOnce)
            {
                cancel.ThrowIfCancellationRequested();
                int count = Math.Min(RowsAtOnce, linear.Outputs - row);
                Write(stream, linear, type, stored, headSize, row, count);
                written((long)count * linear.Inputs);
            }
        });
    }

    private void Write(Stream stream, Linear linear, GgufTensorType type, string stored, int headSize, int first, int count)
    {
        int rowBytes = linear.Inputs / type.Block()!.Value.Elements * type.Block()!.Value.Bytes;
        var bytes = new byte[count * rowBytes];
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = ThreadTeam.Current.Threads }, r =>
        {
            int row = headSize == 0 ? first + r : LlamaGguf.StoredRow(first + r, headSize);
            WriteRow(linear, type, stored, row, bytes.AsSpan(r * rowBytes, rowBytes));
        });
        stream.Write(bytes);
    }

    private void WriteRow(Linear linear, GgufTensorType type, string stored, int row, Span<byte> destination)
    {
        if (linear is QuantizedLinear quantized && quantized.Weight.Format == type.Blocks())
        {
            quantized.Weight.CopyRow(row, destination);
            return;
        }
        var weights = new float[linear.Inputs];
        linear.CopyRow(row, weights);
        if (type.Blocks() is { } blocks)
        {
            try
            {
                BlockFormats.Quantize(blocks, weights, options.Importance is null ? [] : options.Importance.For(stored, linear.Inputs), destination);
            }
            catch (ArgumentException e)
            {
                throw new CleaveException($"{name}: {stored}, row {row}: {e.Message}", e);
            }
            return;
        }
        using var stream = new MemoryStream();
        TensorToWrite.Write(stream, type == GgufTensorType.F32 ? SafetensorsDType.F32 : type == GgufTensorType.F16 ? SafetensorsDType.F16 : SafetensorsDType.BF16, weights);
        stream.GetBuffer().AsSpan(0, (int)stream.Length).CopyTo(destination);
    }
}
