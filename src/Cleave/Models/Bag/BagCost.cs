namespace Cleave.Models.Bag;

/// <summary>
/// What one prediction of a bag costs, computed from its shape alone, so that a search may decide by it.
/// </summary>
/// <param name="FeaturesPerText">Mean number of known n-grams of a text.</param>
/// <param name="Rows">Rows of the table.</param>
/// <param name="Hidden">Width of the hidden layer, 0 for none.</param>
/// <param name="Bits">Bits of a table value.</param>
public sealed record BagCost(double FeaturesPerText, int Rows, int Dim, int Hidden, int Classes, int Bits = 8, int Buckets = 1 << 18)
{
    /// <summary>Multiply-adds of pooling and head: F·d + d·h + h·c (d·c without a hidden layer).</summary>
    public double MultiplyAdds
        => (FeaturesPerText * Dim) + (Hidden > 0 ? ((double)Dim * Hidden) + ((double)Hidden * Classes) : (double)Dim * Classes);

    /// <summary>Bytes of weights that one prediction reads: the rows of its features with scale and frequency, and the whole head.</summary>
    public double BytesTouched => (FeaturesPerText * (RowBytes + 4)) + HeadBytes;

    /// <summary>Bytes of all weights on disk: table, scales, frequencies, bucket bits, head.</summary>
    public long WeightBytes => ((long)Rows * (RowBytes + 4)) + (Buckets / 8) + HeadBytes;

    private int RowBytes => QuantizedTable.Layout(Dim, Bits).RowBytes;

    private long HeadBytes
        => Hidden > 0 ? Layer(Dim, Hidden) + Layer(Hidden, Classes) : Layer(Dim, Classes);

    /// <summary>Of a classifier, for texts with so many known n-grams on average.</summary>
    public static BagCost Of(BagClassifier classifier, double featuresPerText)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return new BagCost(featuresPerText, classifier.Featurizer.Vocabulary.Count, classifier.Dim, classifier.Hidden,
            classifier.Labels.Count, classifier.Bits, classifier.Featurizer.Options.Buckets);
    }

    /// <summary>8-bit weights, a float16 scale an input, a float32 bias an output.</summary>
    private static long Layer(int inputs, int outputs) => ((long)inputs * (QuantizedTable.Layout(outputs, 8).RowBytes + 2)) + (4L * outputs);
}
