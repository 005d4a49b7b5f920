namespace Cleave.Serving.Allocation;

/// <summary>What has to be done so that a module that is wanted comes into memory.</summary>
/// <param name="Load">Whether it is to be loaded; else to be taken out.</param>
public readonly record struct MemoryStep(string Module, bool Load);

/// <summary>
/// Which modules are in memory, under a limit: one that is asked for and not there is loaded, in the order in which they were first asked for, and others
/// that are worth less (<see cref="Residency"/>) make room once the requests that use them have ended. Whoever was loaded stays for some time, so that modules
/// that do not fit together take turns in place of driving each other out with each request. Knows no clock and no thread: the server and the simulation
/// run it. For one thread.
/// </summary>
public sealed class MemoryTable
{
    private const double Window = 30, LeastStay = 0.25, StayPerLoad = 4;

    private enum Place
    {
        Out,
        Loading,
        In,
        Leaving, // takes no new requests
        Unloading,
    }

    private readonly Dictionary<string, Unit> _units = new(StringComparer.Ordinal);
    private readonly List<Unit> _wanted = []; // the one that waits for the longest first

    /// <param name="limit">Bytes of all modules together; null for no limit.</param>
    public MemoryTable(long? limit) => Limit = limit;

    public long? Limit { get; private set; }

    /// <summary>Bytes of the modules in memory, those that come and go included.</summary>
    public long Used => _units.Values.Sum(u => u.Place == Place.Out ? 0 : u.Bytes) + Reserved;

    /// <summary>Bytes that are not modules' and count against the limit.</summary>
    public long Reserved { get; private set; }

    /// <summary>Modules that had to make room so far.</summary>
    public long Evictions { get; private set; }

    /// <summary>Modules that came back after that.</summary>
    public long Reloads { get; private set; }

    /// <summary>Modules that wait for room or are being loaded.</summary>
    public int Wanted => _wanted.Count + _units.Values.Count(u => u.Place == Place.Loading);

    /// <exception cref="CapacityException">It would not fit even alone.</exception>
    public void Add(string module, long bytes, double reloadSeconds)
    {
        _units.Add(module, new Unit(module) { Bytes = bytes, ReloadSeconds = reloadSeconds });
        if (Limit - Reserved < bytes)
        {
            _units.Remove(module);
            throw new CapacityException($"'{NameOf(module)}' needs {ByteSize.Text(bytes)} and {ByteSize.Text(Math.Max(0, Limit!.Value - Reserved))} of memory are allowed for modules; allow more");
        }
    }

    /// <summary>Forgets a module that nobody uses any more.</summary>
    public void Remove(string module)
    {
        if (_units.Remove(module, out Unit? unit))
            _wanted.Remove(unit);
    }

    /// <summary>Sets bytes aside, or gives them back where they are negative.</summary>
    /// <exception cref="CapacityException">A module would not fit beside them any more.</exception>
    public void Reserve(long bytes)
    {
        if (bytes > 0 && Limit is { } limit)
            CheckLargest(limit, Reserved + bytes);
        Reserved += bytes;
    }

    public bool Knows(string module) => _units.ContainsKey(module);

    /// <summary>Asks for a module for one request. Where this is false it is not there: the request waits, <see cref="Next"/> says what to do, and it asks again.</summary>
    /// <param name="again">Whether this request has asked before.</param>
    public bool TryUse(string module, double now, bool again = false)
    {
        Unit unit = _units[module];
        if (!again)
            unit.Requests.Add(1, now);
        if (unit.Place == Place.In)
        {
            unit.Users++;
            return true;
        }
        if (unit.Place != Place.Loading && !_wanted.Contains(unit))
            _wanted.Add(unit);
        return false;
    }

    /// <summary>Nobody waits for the module any more.</summary>
    public void Abandon(string module)
    {
        if (_units.TryGetValue(module, out Unit? unit))
            _wanted.Remove(unit);
    }

    /// <summary>A request no longer uses the module.</summary>
    public void Leave(string module) => _units[module].Users--;

    /// <summary>What is to be done now, one thing at a time; null where there is nothing to do before somebody leaves or <see cref="Patience"/> is over.</summary>
    public MemoryStep? Next(double now)
    {
        foreach (Unit unit in _units.Values)
        {
            if (unit.Place == Place.Leaving && unit.Users == 0)
            {
                unit.Place = Place.Unloading;
                Evictions++;
                return new MemoryStep(unit.Name, false);
            }
        }
        if (_wanted.Count == 0 || _wanted[0] is not { Place: Place.Out } wanted)
            return null;
        long over = Limit is { } limit ? Used + wanted.Bytes - limit : 0;
        if (over <= 0)
        {
            _wanted.RemoveAt(0);
            wanted.Place = Place.Loading;
            return new MemoryStep(wanted.Name, true);
        }
        over -= _units.Values.Sum(u => u.Place is Place.Leaving or Place.Unloading ? u.Bytes : 0);
        if (over <= 0 || Residency.Victims(_units.Values.Where(u => u.Place == Place.In && now >= u.StaysUntil).Select(u => u.Seen(now)), over) is not { } victims)
            return null;
        foreach (ResidentModule victim in victims)
            _units[victim.Name].Place = Place.Leaving;
        return Next(now);
    }

    /// <summary>Seconds after which <see cref="Next"/> may have something to do though nobody leaves; null where nobody waits for that.</summary>
    public double? Patience(double now)
    {
        double[] stays = _wanted.Count == 0 ? [] : [.. _units.Values.Where(u => u.Place == Place.In && u.StaysUntil > now).Select(u => u.StaysUntil - now)];
        return stays.Length == 0 ? null : stays.Min();
    }

    /// <summary>A module has been loaded.</summary>
    /// <param name="bytes">That it takes, as it turned out.</param>
    public void Loaded(string module, long bytes, double seconds, double now)
    {
        Unit unit = _units[module];
        (unit.Place, unit.Bytes, unit.ReloadSeconds) = (Place.In, bytes, seconds);
        unit.StaysUntil = now + Math.Max(LeastStay, StayPerLoad * seconds);
        if (unit.WasIn)
            Reloads++;
        unit.WasIn = true;
    }

    /// <summary>A module has been taken out, or could not be loaded.</summary>
    public void Gone(string module) => _units[module].Place = Place.Out;

    /// <summary>Changes the limit; modules beyond it go when room is next looked for.</summary>
    /// <exception cref="CapacityException">A module would not fit even alone.</exception>
    public void SetLimit(long limit)
    {
        CheckLargest(limit, Reserved);
        Limit = limit;
    }

    /// <summary>Each module's bytes, requests a second, seconds to load, whether it is in memory, and the requests that use it.</summary>
    public IEnumerable<(ResidentModule Module, bool IsIn, int Users)> State(double now) => _units.Values.Select(u => (u.Seen(now), u.Place is Place.In or Place.Leaving, u.Users));

    private void CheckLargest(long limit, long reserved)
    {
        if (_units.Values.MaxBy(u => u.Bytes) is { } largest && limit - reserved < largest.Bytes)
            throw new CapacityException($"'{NameOf(largest.Name)}' alone needs {ByteSize.Text(largest.Bytes)} beside {ByteSize.Text(reserved)} for keys and values, and {ByteSize.Text(limit)} are allowed; allow more memory");
    }

    /// <summary>What a module is called: hosts that share a memory put something of their own and a slash before it.</summary>
    internal static string NameOf(string module) => module[(module.IndexOf('/', StringComparison.Ordinal) + 1)..];

    private sealed class Unit(string name)
    {
        public string Name { get; } = name;
        public Place Place { get; set; }
        public long Bytes { get; set; }
        public double ReloadSeconds { get; set; }
        public int Users { get; set; }
        public bool WasIn { get; set; }
        public double StaysUntil { get; set; }
        public ExponentialRate Requests { get; } = new(Window);

        public ResidentModule Seen(double now) => new(Name, Bytes, ReloadSeconds, Requests.At(now));
    }
}
