using System.Numerics;

namespace Cleave.Models.Bag;

/// <summary>A text's features in a buffer that is used again: distinct rows in rising order, and a weight each.</summary>
public sealed class SparseFeatures
{
    private int[] _rows = new int[256];
    private float[] _weights = new float[256];

    public int Count { get; private set; }

    public ReadOnlySpan<int> Rows => _rows.AsSpan(0, Count);

    public ReadOnlySpan<float> Weights => _weights.AsSpan(0, Count);

    public void Clear() => Count = 0;

    public void Add(int row, float weight)
    {
        if (Count == _rows.Length)
            Grow(Count + 1);
        _rows[Count] = row;
        _weights[Count++] = weight;
    }

    /// <summary>Replaces the content by the sum of two others; rows stay distinct and in rising order.</summary>
    internal void Merge(SparseFeatures first, SparseFeatures second)
    {
        Clear();
        int i = 0, j = 0;
        while (i < first.Count || j < second.Count)
        {
            int a = i < first.Count ? first._rows[i] : int.MaxValue, b = j < second.Count ? second._rows[j] : int.MaxValue;
            Add(Math.Min(a, b), (a <= b ? first._weights[i++] : 0) + (b <= a ? second._weights[j++] : 0));
        }
    }

    /// <summary>Divides the weights by their Euclidean norm; does nothing to an empty text.</summary>
    internal void Normalise()
    {
        double sum = 0;
        foreach (float w in Weights)
            sum += (double)w * w;
        if (sum <= 0)
            return;
        float scale = (float)(1 / Math.Sqrt(sum));
        foreach (ref float w in _weights.AsSpan(0, Count))
            w *= scale;
    }

    private void Grow(int count)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)count);
        Array.Resize(ref _rows, size);
        Array.Resize(ref _weights, size);
    }
}
