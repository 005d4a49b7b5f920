namespace Cleave.Data.Cleaning;

/// <summary>The texts that a model will be measured on, to keep what is nearly the same as one of them (<see cref="NearDuplicates"/>) out of training.</summary>
public sealed class HeldOutTexts
{
    private readonly HashSet<string> _words = new(StringComparer.Ordinal);
    private readonly List<uint[]> _runs = [];
    private readonly Dictionary<(int Band, ulong Key), List<int>> _bands = [];
    private readonly NearDuplicates.MinHash _hasher = new();

    public HeldOutTexts(IEnumerable<Example> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        foreach (Example item in items)
            Add(item.Text);
    }

    /// <summary>Whether one of them has the same words, or at least four fifths of the runs of five characters in common.</summary>
    public bool Near(string text)
    {
        string words = NearDuplicates.Words(text);
        if (_words.Contains(words))
            return true;
        uint[] runs = NearDuplicates.Runs(words);
        if (runs.Length == 0)
            return false;
        uint[] signature = _hasher.Signature(runs);
        for (int band = 0; band < NearDuplicates.Bands; band++)
        {
            if (_bands.TryGetValue((band, NearDuplicates.BandKey(signature, band)), out List<int>? candidates)
                && candidates.Exists(c => NearDuplicates.Jaccard(runs, _runs[c]) >= NearDuplicates.Similar))
                return true;
        }
        return false;
    }

    private void Add(string text)
    {
        string words = NearDuplicates.Words(text);
        uint[] runs = NearDuplicates.Runs(words);
        if (!_words.Add(words) || runs.Length == 0)
            return;
        uint[] signature = _hasher.Signature(runs);
        for (int band = 0; band < NearDuplicates.Bands; band++)
        {
            (int, ulong) key = (band, NearDuplicates.BandKey(signature, band));
            if (!_bands.TryGetValue(key, out List<int>? texts))
                _bands[key] = texts = [];
            texts.Add(_runs.Count);
        }
        _runs.Add(runs);
    }
}
