namespace Cleave.Serving.Allocation;

/// <summary>One measurement: so much at once took so long.</summary>
/// <param name="Count">Tokens, or sequences.</param>
/// <param name="Milliseconds">The median of some runs.</param>
public readonly record struct CostPoint(int Count, double Milliseconds);

/// <summary>
/// How long a pass takes by what is in it: straight lines between measurements, and beyond the last one on with the slope of the last two. Noise that
/// would make more work take less time is levelled.
/// </summary>
public sealed class CostCurve
{
    private readonly CostPoint[] _points;

    /// <exception cref="ArgumentException">No point, or counts that do not grow from 1 up, or times that are not positive.</exception>
    public CostCurve(IEnumerable<CostPoint> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        _points = [.. points];
        if (_points.Length == 0 || _points[0].Count < 1)
            throw new ArgumentException("a curve has a point at least, of one or more", nameof(points));
        for (int i = 0; i < _points.Length; i++)
        {
            if (!(_points[i].Milliseconds > 0) || !double.IsFinite(_points[i].Milliseconds))
                throw new ArgumentException("a time is positive", nameof(points));
            if (i == 0)
                continue;
            if (_points[i].Count <= _points[i - 1].Count)
                throw new ArgumentException("counts grow", nameof(points));
            _points[i] = _points[i] with { Milliseconds = Math.Max(_points[i].Milliseconds, _points[i - 1].Milliseconds) };
        }
    }

    public IReadOnlyList<CostPoint> Points => _points;

    /// <summary>Milliseconds of a pass with so much in it; 0 for nothing.</summary>
    public double At(int count)
    {
        if (count <= 0)
            return 0;
        int upper = 0;
        while (upper < _points.Length - 1 && _points[upper].Count < count)
            upper++;
        if (upper == 0 || _points.Length == 1)
            return _points[0].Count >= count ? _points[0].Milliseconds : _points[0].Milliseconds * count / _points[0].Count;
        (CostPoint low, CostPoint high) = (_points[upper - 1], _points[upper]);
        return low.Milliseconds + (high.Milliseconds - low.Milliseconds) * (count - low.Count) / (high.Count - low.Count);
    }
}
