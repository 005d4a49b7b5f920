using System.Runtime.InteropServices;
using Cleave.Formats.Safetensors;

namespace Cleave.Models.Bag;

public sealed partial class BagClassifier
{
    /// <summary>
    /// Everything that was learnt, in a fixed order: vocabulary (a bit a bucket, a frequency a row), embedding
    /// table, hidden layer if there is one, output layer; of each matrix the whole numbers and the rows' scales.
    /// </summary>
    public IReadOnlyList<TensorToWrite> Tensors()
    {
        NgramVocabulary vocabulary = Featurizer.Vocabulary;
        var tensors = new List<TensorToWrite>
        {
            new("vocabulary.bits", SafetensorsDType.U8, [vocabulary.Buckets / 8], MemoryMarshal.AsBytes(vocabulary.Bits).ToArray()),
            Halves("vocabulary.idf", vocabulary.Idf),
        };
        Add(tensors, "embedding", _table);
        if (_hidden is not null)
        {
            Add(tensors, "hidden", _hidden);
            tensors.Add(TensorToWrite.From("hidden.bias", SafetensorsDType.F32, [_hiddenBias.Length], _hiddenBias));
        }
        Add(tensors, "output", _output);
        tensors.Add(TensorToWrite.From("output.bias", SafetensorsDType.F32, [_outputBias.Length], _outputBias));
        return tensors;
    }

    private static void Add(List<TensorToWrite> tensors, string name, QuantizedTable table)
    {
        tensors.Add(new(name + ".weight", table.DType, [table.Rows, table.RowBytes], table.Data));
        tensors.Add(Halves(name + ".scale", table.Scales));
    }

    private static TensorToWrite Halves(string name, ReadOnlySpan<float> values)
        => TensorToWrite.From(name, SafetensorsDType.F16, [values.Length], values.ToArray());
}
