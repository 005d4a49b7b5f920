using System.Diagnostics.Metrics;

namespace Cleave.Server.Observation;

/// <summary>One series of an instrument: what has been measured with the same tags.</summary>
internal sealed class MetricSeries(KeyValuePair<string, string>[] tags, int buckets)
{
    public KeyValuePair<string, string>[] Tags { get; } = tags;

    /// <summary>Of a counter or a gauge; of a histogram the sum.</summary>
    public double Value { get; set; }

    public long Count { get; set; }

    /// <summary>Measurements by bucket, the last one behind all boundaries; empty for what is no histogram.</summary>
    public long[] Buckets { get; } = new long[buckets];
}

/// <summary>One instrument with its series.</summary>
internal sealed class MetricFamily(Instrument instrument, double[] bounds)
{
    public Instrument Instrument { get; } = instrument;

    /// <summary>Upper boundaries of a histogram's buckets.</summary>
    public double[] Bounds { get; } = bounds;

    public bool IsHistogram => Bounds.Length > 0;

    /// <summary>Whether it only ever grows.</summary>
    public bool IsCounter => !IsHistogram && Instrument.GetType().GetGenericTypeDefinition() is var kind && (kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>));

    public Dictionary<string, MetricSeries> Series { get; } = new(StringComparer.Ordinal);
}

/// <summary>Keeps what a meter's instruments have measured, for those who come to read it.</summary>
internal sealed class MetricStore : IDisposable
{
    private static readonly double[] UsualBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly Lock _gate = new(), _readers = new();
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public MetricStore(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter != meter)
                return;
            lock (_gate)
                _families[instrument.Name] = new MetricFamily(instrument, BoundsOf(instrument));
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Measure(i, value, tags));
        _listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Measure(i, value, tags));
        _listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Measure(i, value, tags));
        _listener.Start();
    }

    /// <summary>Looks at everything as it is now; by the instruments' names, and within one in no particular order.</summary>
    public void Read(Action<MetricFamily> look)
    {
        using Lock.Scope alone = _readers.EnterScope();
        lock (_gate)
        {
            foreach (MetricFamily family in _families.Values)
            {
                if (family.Instrument.IsObservable)
                    family.Series.Clear();
            }
        }
        _listener.RecordObservableInstruments();
        lock (_gate)
        {
            foreach (MetricFamily family in _families.Values)
                look(family);
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Measure(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string key = "";
        foreach ((string name, object? said) in tags)
            key += $"{name}\0{said}\0";
        lock (_gate)
        {
            MetricFamily family = _families[instrument.Name];
            if (!family.Series.TryGetValue(key, out MetricSeries? series))
            {
                var own = new KeyValuePair<string, string>[tags.Length];
                for (int i = 0; i < own.Length; i++)
                    own[i] = KeyValuePair.Create(tags[i].Key, tags[i].Value?.ToString() ?? "");
                family.Series[key] = series = new MetricSeries(own, family.IsHistogram ? family.Bounds.Length + 1 : 0);
            }
            series.Count++;
            series.Value = instrument.IsObservable ? value : series.Value + value;
            if (family.IsHistogram)
                series.Buckets[Bucket(family.Bounds, value)]++;
        }
    }

    // The first boundary that is not below the value; behind the last one where there is none.
    private static int Bucket(double[] bounds, double value)
    {
        int at = Array.BinarySearch(bounds, value);
        return at >= 0 ? at : ~at;
    }

    private static double[] BoundsOf(Instrument instrument) => instrument switch
    {
        Histogram<double> h => [.. h.Advice?.HistogramBucketBoundaries ?? UsualBounds],
        Histogram<long> h => h.Advice?.HistogramBucketBoundaries is { } bounds ? [.. bounds.Select(b => (double)b)] : UsualBounds,
        _ => [],
    };
}
