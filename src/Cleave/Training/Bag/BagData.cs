using Cleave.Models.Bag;

namespace Cleave.Training.Bag;

/// <summary>The features of many texts, one after the other.</summary>
internal sealed class BagData
{
    private readonly int[] _start;
    private readonly int[] _rows;
    private readonly float[] _weights;

    public BagData(NgramFeaturizer featurizer, IReadOnlyList<string> texts)
    {
        _start = new int[texts.Count + 1];
        var rows = new List<int>();
        var weights = new List<float>();
        var features = new SparseFeatures();
        for (int i = 0; i < texts.Count; i++)
        {
            featurizer.Featurize(texts[i], features);
            rows.AddRange(features.Rows);
            weights.AddRange(features.Weights);
            _start[i + 1] = rows.Count;
        }
        _rows = [.. rows];
        _weights = [.. weights];
    }

    public int Count => _start.Length - 1;

    public long Features => _rows.LongLength;

    public ReadOnlySpan<int> Rows(int text) => _rows.AsSpan(_start[text].._start[text + 1]);

    public ReadOnlySpan<float> Weights(int text) => _weights.AsSpan(_start[text].._start[text + 1]);
}
