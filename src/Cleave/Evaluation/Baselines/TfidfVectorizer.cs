namespace Cleave.Evaluation.Baselines;

/// <summary>
/// TF-IDF as scikit-learn's <c>TfidfVectorizer(sublinear_tf=True)</c> defines it: a term that occurs tf times
/// weighs (1 + ln tf)·(ln((1 + n) / (1 + df)) + 1), and a text's weights are divided by their Euclidean norm.
/// Columns are numbered in the order in which training meets the terms.
/// </summary>
public sealed class TfidfVectorizer
{
    private readonly TfidfAnalyzer _analyzer;
    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);
    private double[] _idf = [];

    private TfidfVectorizer(TermKind kind, int minOrder, int maxOrder) => _analyzer = new TfidfAnalyzer(kind, minOrder, maxOrder);

    /// <summary>Number of terms.</summary>
    public int Columns => _columns.Count;

    /// <summary>Term → column.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _columns;

    /// <summary>Learns terms and document frequencies.</summary>
    public static TfidfVectorizer Fit(TermKind kind, int minOrder, int maxOrder, IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(minOrder, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxOrder, minOrder);
        var vectorizer = new TfidfVectorizer(kind, minOrder, maxOrder);
        var lookup = vectorizer._columns.GetAlternateLookup<ReadOnlySpan<char>>();
        var documents = new List<int>();
        var lastText = new List<int>();
        for (int text = 0; text < texts.Count; text++)
        {
            vectorizer._analyzer.Analyze(texts[text], term =>
            {
                if (!lookup.TryGetValue(term, out int column))
                {
                    lookup[term] = column = documents.Count;
                    documents.Add(0);
                    lastText.Add(-1);
                }
                if (lastText[column] != text)
                {
                    lastText[column] = text;
                    documents[column]++;
                }
            });
        }
        vectorizer._idf = [.. documents.Select(df => Math.Log((1.0 + texts.Count) / (1.0 + df)) + 1)];
        return vectorizer;
    }

    /// <summary>A text's non-zero weights in rising order of columns; terms that training has not met are left out.</summary>
    public IReadOnlyList<(int Column, double Weight)> Transform(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var lookup = _columns.GetAlternateLookup<ReadOnlySpan<char>>();
        var counts = new SortedDictionary<int, int>();
        _analyzer.Analyze(text, term =>
        {
            if (lookup.TryGetValue(term, out int column))
                counts[column] = counts.GetValueOrDefault(column) + 1;
        });
        var weights = new List<(int Column, double Weight)>(counts.Count);
        double squares = 0;
        foreach ((int column, int count) in counts)
        {
            double weight = (1 + Math.Log(count)) * _idf[column];
            squares += weight * weight;
            weights.Add((column, weight));
        }
        double norm = Math.Sqrt(squares);
        for (int i = 0; i < weights.Count; i++)
            weights[i] = (weights[i].Column, weights[i].Weight / norm);
        return weights;
    }
}
