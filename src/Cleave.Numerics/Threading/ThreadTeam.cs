using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Cleave.Numerics.Distributed;

namespace Cleave.Numerics.Threading;

/// <summary>
/// A fixed team of threads that runs the parts of one job at a time; the caller is one of the team. Workers
/// spin briefly for the next job and then park. A run allocates nothing.
/// </summary>
/// <remarks>
/// The partition is the caller's and depends on sizes only; which thread runs a part is decided by who is free,
/// so a delayed worker holds up no more than the part it is in, and no result depends on it.
/// </remarks>
public sealed unsafe class ThreadTeam : IDisposable
{
    /// <summary>The environment variable that sets the size of <see cref="Shared"/>.</summary>
    public const string Variable = "CLEAVE_THREADS";

    private const int MaximumThreads = 1024;

    // About as long as the serial stretches between two parallel kernels of a training step; waking a parked
    // thread costs the same again.
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    private static readonly Lock SharedLock = new();
    private static ThreadTeam? _shared;
    private static int _configured;

    [ThreadStatic]
    private static ThreadTeam? _scoped;

    [ThreadStatic]
    private static bool _inPart;

    private readonly Thread[] _workers;
    private readonly object _park = new();
    private int _parked;
    private volatile bool _stopping;
    private int _busy;

    // One word holds the job's number (high half) and how many of its parts are unclaimed (low half), so that a
    // late worker can never claim a part of a job that it has not seen. The fields below are written before the
    // word is published and not touched until every part has finished.
    private long _claims;
    private int _parts;
    private int _unfinished;
    private void* _body;
    private delegate*<void*, int, void> _invoke;
    private ExceptionDispatchInfo? _error;

    /// <param name="threads">Threads in all, the caller included: 1 to 1024.</param>
    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaximumThreads);
        Threads = threads;
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(Work) { IsBackground = true, Name = $"cleave-{i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads in all, the caller included.</summary>
    public int Threads { get; }

    /// <summary>The process's team: as configured, else CLEAVE_THREADS, else one thread per physical processor (its share of them, where a launcher has started several processes).</summary>
    /// <exception cref="CapacityException">CLEAVE_THREADS is not a number from 1 to 1024.</exception>
    public static ThreadTeam Shared => Volatile.Read(ref _shared) ?? CreateShared();

    /// <summary>The team that kernels called on this thread use: <see cref="Shared"/> unless <see cref="Use"/> says otherwise.</summary>
    public static ThreadTeam Current => _scoped ?? Shared;

    /// <summary>Sets the size of <see cref="Shared"/>; call it before the first kernel.</summary>
    /// <exception cref="InvalidOperationException">The shared team is already at work with another size.</exception>
    public static void Configure(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaximumThreads);
        lock (SharedLock)
        {
            if (_shared is { } shared && shared.Threads != threads)
                throw new InvalidOperationException($"the shared team already runs {shared.Threads} threads; configure it before the first kernel call");
            _configured = threads;
        }
    }

    /// <summary>Makes kernels called on this thread use <paramref name="team"/> until the scope is disposed.</summary>
    public static Scope Use(ThreadTeam team)
    {
        ArgumentNullException.ThrowIfNull(team);
        var scope = new Scope(_scoped);
        _scoped = team;
        return scope;
    }

    /// <summary>Ends a <see cref="Use"/>.</summary>
    public readonly ref struct Scope
    {
        private readonly ThreadTeam? _before;
        internal Scope(ThreadTeam? before) => _before = before;
        public void Dispose() => _scoped = _before;
    }

    /// <summary>
    /// Invokes <paramref name="body"/> for every part from 0 to <paramref name="parts"/> − 1 and returns when all
    /// have finished. Inside a part, or while another thread uses the team, the parts run on the caller alone.
    /// An exception in a part reaches the caller once the others have finished.
    /// </summary>
    public void Run<TBody>(int parts, ref TBody body) where TBody : struct, IPart
    {
        if (parts <= 1 || _workers.Length == 0 || _inPart || _stopping || Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            for (int part = 0; part < parts; part++)
                body.Invoke(part);
            return;
        }
        TBody copy = body; // on this stack, where it cannot move
        _body = Unsafe.AsPointer(ref copy);
        _invoke = &Call<TBody>;
        _parts = parts;
        _unfinished = parts;
        long job = (_claims >> 32) + 1;
        Interlocked.Exchange(ref _claims, (job << 32) | (uint)parts);
        if (Volatile.Read(ref _parked) > 0)
        {
            lock (_park)
                Monitor.PulseAll(_park);
        }
        ClaimParts();
        WaitForOthers();
        body = copy;
        ExceptionDispatchInfo? error = _error;
        _error = null;
        Volatile.Write(ref _busy, 0);
        error?.Throw();
    }

    /// <summary>Runs every part on <paramref name="team"/>, or on the caller alone where there is none: work too small to share.</summary>
    internal static void Run<TBody>(ThreadTeam? team, int parts, ref TBody body) where TBody : struct, IPart
    {
        if (team is not null)
        {
            team.Run(parts, ref body);
            return;
        }
        for (int part = 0; part < parts; part++)
            body.Invoke(part);
    }

    /// <summary>Stops and joins the workers. Later runs execute on their caller.</summary>
    public void Dispose()
    {
        _stopping = true;
        lock (_park)
            Monitor.PulseAll(_park);
        foreach (Thread worker in _workers)
            worker.Join();
    }

    private static void Call<TBody>(void* body, int part) where TBody : struct, IPart =>
        Unsafe.AsRef<TBody>(body).Invoke(part);

    private void Work()
    {
        while (!_stopping)
        {
            long end = Stopwatch.GetTimestamp() + SpinTicks;
            while ((uint)Volatile.Read(ref _claims) == 0 && !_stopping && Stopwatch.GetTimestamp() < end)
                Thread.SpinWait(8);
            if ((uint)Volatile.Read(ref _claims) != 0)
                ClaimParts();
            else
                Park();
        }
    }

    private void Park()
    {
        lock (_park)
        {
            Interlocked.Increment(ref _parked); // before the last look, so that a publisher sees it or is seen
            while ((uint)Volatile.Read(ref _claims) == 0 && !_stopping)
                Monitor.Wait(_park);
            Interlocked.Decrement(ref _parked);
        }
    }

    private void ClaimParts()
    {
        while (true)
        {
            long seen = Volatile.Read(ref _claims);
            uint left = (uint)seen;
            if (left == 0)
                return;
            if (Interlocked.CompareExchange(ref _claims, seen - 1, seen) != seen)
                continue;
            _inPart = true;
            try
            {
                _invoke(_body, _parts - (int)left);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref _error, ExceptionDispatchInfo.Capture(error), null);
            }
            finally
            {
                _inPart = false;
                Interlocked.Decrement(ref _unfinished);
            }
        }
    }

    private void WaitForOthers()
    {
        long end = 0;
        while (Volatile.Read(ref _unfinished) != 0)
        {
            long now = Stopwatch.GetTimestamp();
            if (end == 0)
                end = now + SpinTicks;
            if (now < end)
                Thread.SpinWait(8);
            else
                Thread.Yield(); // the processor is wanted elsewhere, perhaps by the worker itself
        }
    }

    private static ThreadTeam CreateShared()
    {
        lock (SharedLock)
        {
            if (_shared is { } shared)
                return shared;
            int threads = _configured > 0 ? _configured
                : ThreadsFrom(Environment.GetEnvironmentVariable(Variable)) ?? Processors.Physical(JobLaunch.Current?.OnThisMachine ?? 1);
            var team = new ThreadTeam(threads);
            Volatile.Write(ref _shared, team);
            return team;
        }
    }

    internal static int? ThreadsFrom(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return null;
        return int.TryParse(value, out int threads) && threads is >= 1 and <= MaximumThreads ? threads
            : throw new CapacityException($"{Variable}={value}: not a number of threads; use 1 to {MaximumThreads}, or unset it");
    }
}
