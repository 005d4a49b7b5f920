namespace Cleave.Serving.Allocation;

/// <summary>One module at one moment.</summary>
/// <param name="UsedSeconds">That it has computed so far.</param>
internal sealed record ModuleSample(string Name, double UsedSeconds, double Share, int Running, int Waiting, long Room, long HeldRoom, long WeightBytes, bool IsResident, double RequestsPerSecond);

/// <summary>A server at one moment.</summary>
/// <param name="Reloads">Of modules that had to make room, so far.</param>
internal sealed record LoadSample(int RequestsWaiting, int WaitingForMemory, long Reloads, long? MemoryLimit, long MemoryUsed, int MostSequences, IReadOnlyList<ModuleSample> Modules);

/// <summary>Averages over time of what is sampled now and then. For one thread at a time.</summary>
/// <param name="window">Seconds, see <see cref="ExponentialRate"/>.</param>
internal sealed class LoadAverages(double window)
{
    private readonly Dictionary<string, Averages> _modules = new(StringComparer.Ordinal);
    private readonly ExponentialRate _requests = new(window), _memory = new(window), _loads = new(window);
    private LoadSample? _last;
    private double _lastTime;

    public void Add(double now, LoadSample sample)
    {
        double seconds = now - _lastTime;
        if (_last is { } last && seconds > 0)
        {
            _requests.Add(sample.RequestsWaiting * seconds, now);
            _memory.Add(sample.WaitingForMemory * seconds, now);
            _loads.Add(sample.Reloads - last.Reloads, now);
            foreach (ModuleSample module in sample.Modules)
            {
                if (!_modules.TryGetValue(module.Name, out Averages? averages))
                    _modules[module.Name] = averages = new Averages(window);
                averages.Used.Add(Math.Max(0, module.UsedSeconds - (last.Modules.FirstOrDefault(m => m.Name == module.Name)?.UsedSeconds ?? 0)), now);
                averages.Running.Add(module.Running * seconds, now);
                averages.Waiting.Add(module.Waiting * seconds, now);
            }
        }
        (_last, _lastTime) = (sample, now);
    }

    /// <summary>The averages, with what does not need any as it is now.</summary>
    public ServerLoad At(double now, LoadSample sample)
    {
        ModuleLoad[] modules = [.. sample.Modules.Select(m =>
        {
            Averages? a = _modules.GetValueOrDefault(m.Name);
            return new ModuleLoad(m.Name, Math.Min(1, a?.Used.At(now) ?? 0), m.Share, a?.Running.At(now) ?? 0, a?.Waiting.At(now) ?? 0, m.Room, m.HeldRoom, m.WeightBytes, m.IsResident, m.RequestsPerSecond);
        })];
        return new ServerLoad(Math.Min(1, modules.Sum(m => m.Processor)), _requests.At(now), _memory.At(now), 60 * _loads.At(now), sample.MemoryLimit, sample.MemoryUsed, sample.MostSequences, modules);
    }

    private sealed class Averages(double window)
    {
        public ExponentialRate Used { get; } = new(window);
        public ExponentialRate Running { get; } = new(window);
        public ExponentialRate Waiting { get; } = new(window);
    }
}
