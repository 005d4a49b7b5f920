namespace Cleave.Evaluation.Energy;

/// <summary>A moment that energy is counted from.</summary>
/// <param name="Joules">Of the counters, or null where there are none.</param>
/// <param name="CoreSeconds">Of this process.</param>
public readonly record struct EnergyReading(double? Joules, double CoreSeconds);

/// <summary>
/// Counts what work takes: by the processor's energy counters (<see cref="RaplCounters"/>) where all of them can be read, else as this process's
/// processor time times a stated power. Safe to use from several threads.
/// </summary>
public sealed class EnergyMeter : IDisposable
{
    /// <summary>Often enough: at 2 kW the smallest counters, of 65 kJ, go around once in this time.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly EnergyOptions _options;
    private readonly Func<TimeSpan> _processorTime;
    private readonly ITimer? _timer;
    private readonly EnergyReading _first;
    private RaplCounters? _counters;

    /// <param name="options">For estimates.</param>
    /// <param name="clock">When counters are read on between readings.</param>
    /// <param name="folder">Where the counters are.</param>
    /// <param name="processorTime">Of the work that is counted; of this process unless given.</param>
    public EnergyMeter(EnergyOptions options, TimeProvider? clock = null, string folder = RaplCounters.Folder, Func<TimeSpan>? processorTime = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _processorTime) = (options, processorTime ?? (static () => Environment.CpuUsage.TotalTime));
        _counters = RaplCounters.Open(folder, out string why);
        WhyEstimated = why;
        if (_counters is not null)
            _timer = (clock ?? TimeProvider.System).CreateTimer(_ => Read(), null, Every, Every);
        _first = Read();
    }

    /// <summary>Why energy is estimated here, or an empty text where it is measured.</summary>
    public string WhyEstimated { get; private set; }

    /// <summary>Since the meter was made.</summary>
    public EnergyUse Used => Since(_first);

    /// <summary>This moment.</summary>
    public EnergyReading Read()
    {
        lock (_gate)
        {
            if (_counters is not null && !_counters.TryAdvance())
            {
                _counters = null; // for good: what it would have counted meanwhile is not known
                WhyEstimated = "the energy counters could not be read to the end";
            }
            return new EnergyReading(_counters?.Joules, _processorTime().TotalSeconds);
        }
    }

    /// <summary>What was taken from a moment until now.</summary>
    public EnergyUse Since(EnergyReading start)
    {
        EnergyReading now = Read();
        double seconds = Math.Max(0, now.CoreSeconds - start.CoreSeconds);
        // A counter that stood still says nothing: the work was shorter than its step, or a virtual machine only shows one.
        bool measured = now.Joules is { } end && start.Joules is { } begin && end > begin;
        return measured ? new EnergyUse(now.Joules!.Value - start.Joules!.Value, 0, true, seconds)
            : new EnergyUse(seconds * _options.WattsPerCore, seconds * _options.Uncertainty, false, seconds);
    }

    public void Dispose() => _timer?.Dispose();
}
