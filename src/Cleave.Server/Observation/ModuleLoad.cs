using System.Diagnostics.Metrics;

namespace Cleave.Server.Observation;

/// <summary>How many requests there are for each module, by what they asked for. Safe for use from several threads.</summary>
internal sealed class ModuleLoad
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (int Waiting, int Running)> _counts = new(StringComparer.Ordinal);

    /// <param name="module">One that there is: names that clients make up do not become labels.</param>
    public Presence Enter(string module)
    {
        Change(module, 1, 0);
        return new Presence(this, module);
    }

    public IEnumerable<Measurement<int>> Measure()
    {
        lock (_gate)
        {
            return [.. _counts.OrderBy(c => c.Key, StringComparer.Ordinal).SelectMany(c => new[]
            {
                new Measurement<int>(c.Value.Waiting, new("module", c.Key), new("state", "waiting")),
                new Measurement<int>(c.Value.Running, new("module", c.Key), new("state", "running")),
            })];
        }
    }

    private void Change(string module, int waiting, int running)
    {
        lock (_gate)
        {
            (int Waiting, int Running) now = _counts.GetValueOrDefault(module);
            _counts[module] = (now.Waiting + waiting, now.Running + running);
        }
    }

    /// <summary>One request, from its admission to its end.</summary>
    internal sealed class Presence(ModuleLoad load, string module) : IDisposable
    {
        private const int Waiting = 0, Running = 1, Gone = 2;

        private int _state;

        /// <summary>Its turn has come; a request with several parts says so several times.</summary>
        public void Begin()
        {
            if (Interlocked.CompareExchange(ref _state, Running, Waiting) == Waiting)
                load.Change(module, -1, 1);
        }

        public void Dispose()
        {
            int was = Interlocked.Exchange(ref _state, Gone);
            if (was != Gone)
                load.Change(module, was == Waiting ? -1 : 0, was == Running ? -1 : 0);
        }
    }
}
