namespace Cleave.Data.Cleaning;

/// <summary>Problems by kind: the first few places of each are named, the rest counted.</summary>
internal sealed class ProblemList
{
    private const int Named = 5;
    private readonly List<(string Kind, List<string> Places, int Count)> _kinds = [];
    private readonly List<string> _single = [];

    private readonly List<DataFileException> _files = [];

    public bool Any => _single.Count > 0 || _kinds.Count > 0;

    /// <summary>A file that cannot be read.</summary>
    public void Add(DataFileException problem)
    {
        _files.Add(problem);
        _single.Add(problem.Message);
    }

    /// <summary>A problem that occurs once.</summary>
    public void Add(string problem) => _single.Add(problem);

    /// <summary>A problem that many rows can share.</summary>
    public void Add(string kind, string place)
    {
        int at = _kinds.FindIndex(k => k.Kind == kind);
        if (at < 0)
        {
            at = _kinds.Count;
            _kinds.Add((kind, [], 0));
        }
        (string _, List<string> places, int count) = _kinds[at];
        if (places.Count < Named)
            places.Add(place);
        _kinds[at] = (kind, places, count + 1);
    }

    /// <exception cref="DataFileException">The only problem is one file.</exception>
    /// <exception cref="DatasetException">There is any other problem.</exception>
    public void ThrowIfAny(string task)
    {
        if (_files.Count == 1 && _single.Count == 1 && _kinds.Count == 0)
            throw _files[0];
        if (Any)
            throw new DatasetException(task, All);
    }

    public IReadOnlyList<string> All =>
        [.. _single, .. _kinds.Select(k =>
            $"{k.Kind}: {string.Join(", ", k.Places)}{(k.Count > Named ? $" and {k.Count - Named} more" : "")}")];
}
