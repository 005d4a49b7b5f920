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

    private sealed record Part(string Name, StoredWeight Place, object Weight);

    /// <exception cref="CleaveException">There is no place in a GGUF file for what the model computes, or for its tokenizer.</exception>
    public (IReadOnlyList<GgufKey> Keys, IReadOnlyList<GgufTensor> Tensors) Build()
    {
        TransformerSpec spec = model.Transformer.Spec;
        GgufFamily family = GgufFamily.Of(spec);
        GgufKey[] keys =
        [
            new GgufKey("general.architecture", family.Architecture),
            new GgufKey("general.type", "model"),
            new GgufKey("general.name", name),
            .. GgufShape.Write(spec),
            new GgufKey("general.file_type", mix.FileType),
            new GgufKey("general.quantization_version", QuantizationVersion),
            .. GgufTokenizerWriter.Write(model.Tokenizer, spec.VocabularySize, name),
            .. GgufChat.Write(model.Chat),
        ];
        GgufTensor[] tensors = [.. GgufRotary.Tensors(spec, family).Select(t => Vector(t.Name, t.Values)), .. Weights(spec)];
        GgufFit.Require(spec, keys, tensors, name);
        return (keys, tensors);
    }

    // Weights that lie in one tensor, in the order of their rows there.
    private IEnumerable<GgufTensor> Weights(TransformerSpec spec) => model.Transformer.Weights()
        .Select(w => new Part(w.Name, GgufNames.Place(spec, w.Name), w.Weight))
        .GroupBy(p => p.Place.Name)
        .Select(parts => parts.First().Weight switch
        {
            Linear => Matrix(parts.Key, [.. parts.OrderBy(p => p.Place.First)]),
            Tensor { Rows: > 1 } table => new GgufTensor(parts.Key, GgufTensorType.F32, [table.Rows, table.Columns], s => s.Write(MemoryMarshal.AsBytes(table.Data))),
            Tensor => Vector(parts.Key, Joined([.. parts])),
            var other => throw new ArgumentException($"{parts.Key}: a {other.GetType().Name} cannot be stored"),
        });

    private static GgufTensor Vector(string stored, float[] values) => new(stored, GgufTensorType.F32, [values.Length], s => s.Write(MemoryMarshal.AsBytes(values.AsSpan())));

    private static float[] Joined(IReadOnlyList<Part> parts)
    {
        var all = new float[parts.Sum(p => ((Tensor)p.Weight).Length)];
        foreach (Part part in parts)
        {
            Span<float> values = ((Tensor)part.Weight).Data;
            for (int i = 0; i < values.Length; i++)
                all[part.Place.Row(i)] = values[i];
        }
        return all;
    }

    private GgufTensor Matrix(string stored, Part[] parts)
    {
        var linears = Array.ConvertAll(parts, p => (Linear)p.Weight);
        int columns = linears[0].Inputs, rows = linears.Sum(l => l.Outputs), stacked = parts[0].Place.Stacked;
        // What lies together is as fine as the finest of it would be alone.
        GgufTensorType type = parts.Select((p, i) => options.KeepBlocks && linears[i] is QuantizedLinear { Weight.Format: var format } ? format.Stored()
                : mix.For(p.Name, model.Transformer.Spec, columns, options.Importance is not null))
            .MaxBy(t => t.Block() is { } block ? (double)block.Bytes / block.Elements : 0);
        long[] shape = rows == 1 ? [columns] : stacked > 0 ? [stacked, rows / stacked, columns] : [rows, columns];
        return new GgufTensor(stored, type, shape, stream =>
        {
            for (int p = 0; p < parts.Length; p++)
            {
                int[] order = Order(parts[p].Place, linears[p].Outputs);
                for (int row = 0; row < order.Length; row += RowsAtOnce)
                {
                    cancel.ThrowIfCancellationRequested();
                    ReadOnlyMemory<int> some = order.AsMemory(row, Math.Min(RowsAtOnce, order.Length - row));
                    Write(stream, linears[p], type, stored, some);
                    written((long)some.Length * columns);
                }
            }
        });
    }

    /// <summary>A weight's rows in the order of the file.</summary>
    private static int[] Order(StoredWeight place, int rows)
    {
        var order = new int[rows];
        for (int row = 0; row < rows; row++)
            order[place.Row(row) - place.First] = row;
        return order;
    }

    private void Write(Stream stream, Linear linear, GgufTensorType type, string stored, ReadOnlyMemory<int> rows)
    {
        int rowBytes = linear.Inputs / type.Block()!.Value.Elements * type.Block()!.Value.Bytes;
        var bytes = new byte[rows.Length * rowBytes];
        Parallel.For(0, rows.Length, new ParallelOptions { MaxDegreeOfParallelism = ThreadTeam.Current.Threads },
            r => WriteRow(linear, type, stored, rows.Span[r], bytes.AsSpan(r * rowBytes, rowBytes)));
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
