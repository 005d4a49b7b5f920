namespace Cleave.Models.Bag;

/// <summary>
/// Text → sparse features: for every known n-gram bucket that occurs tf times, weight
/// (1 + ln tf) · idf (sub-linear TF-IDF). The n-grams of words and those of characters are brought to the same
/// Euclidean length, because there are many more of the second, and the whole to length 1. Safe for use from many
/// threads; allocates nothing once a thread's buffers have grown.
/// </summary>
public sealed class NgramFeaturizer
{
    [ThreadStatic]
    private static NgramScratch? _scratch;

    private static readonly float[] TermFrequencyWeights = FrequencyWeights();
    private readonly NgramHasher _hasher;

    public NgramFeaturizer(NgramOptions options, NgramVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(vocabulary);
        _hasher = new NgramHasher(options);
        if (vocabulary.Buckets != options.Buckets)
            throw new ArgumentException($"a vocabulary of {vocabulary.Buckets} buckets for options of {options.Buckets}");
        Options = options;
        Vocabulary = vocabulary;
    }

    public NgramOptions Options { get; }

    public NgramVocabulary Vocabulary { get; }

    /// <summary>Learns the known buckets and their inverse document frequencies from training texts.</summary>
    /// <param name="minDocuments">Buckets that occur in fewer texts stay unknown.</param>
    /// <param name="maxRows">At most this many buckets are known: the most frequent, the lower bucket first among equals.</param>
    public static NgramFeaturizer Fit(NgramOptions options, IReadOnlyList<string> texts, int minDocuments = 1, int maxRows = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(minDocuments, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        int[] documents = CountDocuments(options, texts);
        int threshold = Threshold(documents, minDocuments, maxRows, out int atThreshold);
        var bits = new ulong[options.Buckets / 64];
        var idf = new List<float>();
        for (int bucket = 0; bucket < documents.Length; bucket++)
        {
            int df = documents[bucket];
            if (df < threshold || (df == threshold && --atThreshold < 0))
                continue;
            bits[bucket >> 6] |= 1UL << (bucket & 63);
            // Rounded to the precision in which it is stored, so that a saved model is the same model.
            idf.Add((float)(Half)(Math.Log((1.0 + texts.Count) / (1.0 + df)) + 1));
        }
        return new NgramFeaturizer(options, new NgramVocabulary(bits, [.. idf]));
    }

    /// <summary>Replaces the content of <paramref name="features"/> by the features of a text; empty text, no features.</summary>
    public void Featurize(ReadOnlySpan<char> text, SparseFeatures features)
    {
        ArgumentNullException.ThrowIfNull(features);
        NgramScratch scratch = _scratch ??= new NgramScratch();
        int count = _hasher.Collect(text, scratch, out int words);
        Span<int> buckets = scratch.Buckets.AsSpan(0, count);
        Block(buckets[..words], scratch.Words);
        Block(buckets[words..], scratch.Characters);
        features.Merge(scratch.Words, scratch.Characters);
        features.Normalise();
    }

    /// <summary>The known n-grams of one kind, together of unit length.</summary>
    private void Block(Span<int> buckets, SparseFeatures features)
    {
        int known = 0;
        foreach (int bucket in buckets)
        {
            int row = Vocabulary.RowOf(bucket);
            if (row >= 0)
                buckets[known++] = row;
        }
        Span<int> rows = buckets[..known];
        rows.Sort();
        features.Clear();
        ReadOnlySpan<float> idf = Vocabulary.Idf;
        for (int i = 0; i < rows.Length;)
        {
            int row = rows[i], first = i;
            while (++i < rows.Length && rows[i] == row)
            {
                // Counts the run of equal rows.
            }
            features.Add(row, TermFrequencyWeights[Math.Min(i - first, TermFrequencyWeights.Length - 1)] * idf[row]);
        }
        features.Normalise();
    }

    /// <summary>How many known n-grams a text has on average (each once), by how many rows there are room for: of one row, of two and so on, up to all.</summary>
    internal static double[] KnownPerText(NgramOptions options, IReadOnlyList<string> texts, int minDocuments)
    {
        double sum = 0;
        return [.. CountDocuments(options, texts).Where(d => d >= Math.Max(1, minDocuments)).OrderDescending().Select(d => (sum += d) / texts.Count)];
    }

    private static int[] CountDocuments(NgramOptions options, IReadOnlyList<string> texts)
    {
        var hasher = new NgramHasher(options);
        var scratch = new NgramScratch();
        var documents = new int[options.Buckets];
        var lastText = new int[options.Buckets];
        for (int i = 0; i < texts.Count; i++)
        {
            int count = hasher.Collect(texts[i], scratch, out _);
            foreach (int bucket in scratch.Buckets.AsSpan(0, count))
            {
                if (lastText[bucket] == i + 1)
                    continue;
                lastText[bucket] = i + 1;
                documents[bucket]++;
            }
        }
        return documents;
    }

    /// <summary>The smallest document count that is kept, and how many of the buckets with exactly that count.</summary>
    private static int Threshold(int[] documents, int minDocuments, int maxRows, out int atThreshold)
    {
        int[] counts = [.. documents.Where(d => d >= minDocuments)];
        atThreshold = int.MaxValue;
        if (counts.Length <= maxRows)
            return minDocuments;
        Array.Sort(counts);
        int threshold = counts[^maxRows];
        int above = counts.Length - (Array.FindLastIndex(counts, c => c == threshold) + 1);
        atThreshold = maxRows - above;
        return threshold;
    }

    /// <summary>1 + ln tf; texts are short, so counts past the table's end weigh as its last.</summary>
    private static float[] FrequencyWeights()
    {
        var weights = new float[256];
        for (int tf = 1; tf < weights.Length; tf++)
            weights[tf] = (float)(1 + Math.Log(tf));
        return weights;
    }
}
