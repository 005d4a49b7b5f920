using System.Runtime.InteropServices;

namespace Cleave.Models.Bag;

public sealed partial class BagClassifier
{
    /// <summary>Everything that was learnt, in a fixed order: vocabulary, table, hidden layer, output layer.</summary>
    public IReadOnlyList<BagTensor> Tensors()
    {
        NgramVocabulary vocabulary = Featurizer.Vocabulary;
        var tensors = new List<BagTensor>
        {
            new("vocabulary.bits", "U8", [vocabulary.Buckets / 8], MemoryMarshal.AsBytes(vocabulary.Bits).ToArray()),
            Halves("vocabulary.idf", [.. vocabulary.Idf.ToArray().Select(v => (Half)v)]),
        };
        Add(tensors, "embedding", _table);
        if (_hidden is not null)
        {
            Add(tensors, "hidden", _hidden);
            tensors.Add(Floats("hidden.bias", _hiddenBias));
        }
        Add(tensors, "output", _output);
        tensors.Add(Floats("output.bias", _outputBias));
        return tensors;
    }

    private static void Add(List<BagTensor> tensors, string name, QuantizedTable table)
    {
        long stride = table.PaddedColumns * table.Bits / 8;
        tensors.Add(new(name + ".weight", table.Bits == 8 ? "I8" : "U8", [table.Rows, stride], table.Data));
        tensors.Add(Halves(name + ".scale", table.Scales));
    }

    private static BagTensor Halves(string name, Half[] values)
        => new(name, "F16", [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private static BagTensor Floats(string name, float[] values)
        => new(name, "F32", [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}
