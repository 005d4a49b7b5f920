using System.Runtime.InteropServices;
using Cleave.Formats.Safetensors;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Models;

/// <summary>Puts weights into a safetensors file in a family's form: joined and transposed as its files have them.</summary>
internal sealed class WeightWriter
{
    private sealed record Part(StoredWeight Place, object Weight, WeightType Type);

    private readonly List<List<Part>> _tensors = [];
    private readonly Dictionary<string, List<Part>> _byName = new(StringComparer.Ordinal);

    /// <summary>Adds a <see cref="Tensor"/>, or a <see cref="Linear"/> without its bias.</summary>
    public void Add(StoredWeight place, object weight, WeightType type)
    {
        if (weight is QuantizedLinear { Weight.Format: not BlockFormat.Q8_0 and var format })
            throw new ArgumentException($"{place.Name}: a matrix in {format} cannot be stored in a safetensors file", nameof(weight));
        if (!_byName.TryGetValue(place.Name, out List<Part>? parts))
            _tensors.Add(_byName[place.Name] = parts = []);
        parts.Add(new Part(place, weight, type));
    }

    /// <summary>The file's tensors; each is put together when it is written.</summary>
    public List<TensorToWrite> Tensors() => [.. _tensors.SelectMany(Tensor)];

    private static IEnumerable<TensorToWrite> Tensor(List<Part> parts)
    {
        StoredWeight place = parts[0].Place;
        if (parts.All(p => p.Weight is QuantizedLinear { Weight.Format: BlockFormat.Q8_0 }))
        {
            int columns = ((Linear)parts[0].Weight).Inputs;
            yield return new TensorToWrite(place.Name, SafetensorsDType.I8, Shape(parts[0], columns),
                stream => stream.Write(MemoryMarshal.AsBytes(Join(parts, columns, p => Split(p).Values).AsSpan())));
            int blocks = columns / QuantizedMatrix.BlockSize;
            yield return new TensorToWrite(place.Name + Q8Tensors.ScaleSuffix, SafetensorsDType.F16, Shape(parts[0], blocks),
                stream => stream.Write(MemoryMarshal.AsBytes(Join(parts, blocks, p => Split(p).Scales).AsSpan())));
            yield break;
        }
        if (parts[0].Weight is HalfLinear { Weight: var half } && parts.All(p => p.Weight is HalfLinear { Weight.Format: var format } && format == half.Format))
        {
            yield return new TensorToWrite(place.Name, half.Format == HalfFormat.BFloat16 ? SafetensorsDType.BF16 : SafetensorsDType.F16, Shape(parts[0], half.Columns),
                stream => stream.Write(MemoryMarshal.AsBytes(Join(parts, half.Columns, p => ((HalfLinear)p.Weight).Weight.Elements.ToArray()).AsSpan())));
            yield break;
        }
        bool matrix = parts[0].Weight is Linear || ((Tensor)parts[0].Weight).Rows > 1 || place.IsTable;
        int width = parts[0].Weight is Linear linear ? linear.Inputs : matrix ? ((Tensor)parts[0].Weight).Columns : 1;
        SafetensorsDType stored = parts[0].Type == WeightType.BF16 && matrix ? SafetensorsDType.BF16 : SafetensorsDType.F32;
        long[] shape = matrix ? Shape(parts[0], width) : [Rows(parts[0])];
        if (parts is [{ Weight: DenseLinear or Cleave.Numerics.Tensors.Tensor, Place: { IsPlain: true, Offset: 0 } }])
            yield return new TensorToWrite(place.Name, stored, shape, stream => TensorToWrite.Write(stream, stored, DataOf(parts[0].Weight)));
        else
            yield return new TensorToWrite(place.Name, stored, shape, stream => TensorToWrite.Write(stream, stored, Join(parts, width, Values)));
    }

    private static Span<float> DataOf(object weight) => weight is DenseLinear dense ? dense.Weight.Data : ((Tensor)weight).Data;

    private static (sbyte[] Values, Half[] Scales) Split(Part part) => Q8Tensors.Split(((QuantizedLinear)part.Weight).Weight);

    // Float values as the file has them; a quantized matrix among others that are not is written as float too.
    private static float[] Values(Part part)
    {
        float[] values;
        if (part.Weight is Linear linear and not DenseLinear)
        {
            values = new float[linear.Outputs * linear.Inputs];
            for (int r = 0; r < linear.Outputs; r++)
                linear.CopyRow(r, values.AsSpan(r * linear.Inputs, linear.Inputs));
        }
        else
        {
            values = DataOf(part.Weight).ToArray();
        }
        foreach (ref float value in values.AsSpan())
            value -= part.Place.Offset;
        return values;
    }

    // Rows in the file: of everything that is joined there. A vector is a column here.
    private static int Rows(Part part) => part.Place.FusedRows > 0 ? part.Place.FusedRows
        : part.Weight switch { Linear linear => linear.Outputs, Tensor { Rows: 1 } vector when !part.Place.IsTable => vector.Columns, var tensor => ((Tensor)tensor).Rows };

    private static long[] Shape(Part part, int columns) => part.Place.Transposed ? [columns, Rows(part)] : [Rows(part), columns];

    private static T[] Join<T>(List<Part> parts, int columns, Func<Part, T[]> values)
    {
        int total = Rows(parts[0]);
        var all = new T[(long)total * columns];
        foreach (Part part in parts)
        {
            T[] own = values(part);
            for (int r = 0; r < own.Length / columns; r++)
            {
                int row = part.Place.Row(r);
                for (int c = 0; c < columns; c++)
                    all[part.Place.Transposed ? c * total + row : row * columns + c] = own[r * columns + c];
            }
        }
        return all;
    }
}
