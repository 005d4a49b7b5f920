using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Benchmarks.Fleet;

/// <summary>What befalls a simulated fleet. Times are means of exponential distributions unless they say otherwise.</summary>
/// <param name="Trial">The median length of a trial; lengths are log-normal with a deviation of 0.5.</param>
/// <param name="Checkpoint">The time between a trial's checkpoints.</param>
/// <param name="UntilKilled">Between two kills of a worker, which leaves its trial without a word.</param>
/// <param name="Restart">Exactly so long after a kill the worker is back.</param>
/// <param name="UntilStopped">Between two stops (or partitions) of a worker, which goes on afterwards as if nothing had been.</param>
internal sealed record FleetConditions(int Workers, TimeSpan Duration, TimeSpan Trial, TimeSpan Checkpoint, TimeSpan UntilKilled, TimeSpan Restart,
    TimeSpan UntilStopped, TimeSpan Stopped, TimeSpan Lease)
{
    public static FleetConditions Usual { get; } = new(1000, TimeSpan.FromHours(8), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(1), TimeSpan.FromHours(2), TimeSpan.FromMinutes(2),
        TimeSpan.FromHours(4), TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(30));
}

/// <param name="Useful">Share of all workers' time, times of absence included, that went into what counts: complete trials, and running ones up to their last checkpoint.</param>
/// <param name="UsefulOfPresent">The same share of the time in which workers were neither dead nor stopped.</param>
internal sealed record FleetResult(double Useful, double UsefulOfPresent, int Complete, int Kills, int Stops, int Refusals, int Takeovers);

/// <summary>
/// A fleet in virtual time on the real study and storage: their clock is the simulation's, and each worker asks, reports, renews
/// its lease three times a lease and tells, as <c>StudyRunner</c> does, until it is killed or stopped.
/// </summary>
internal sealed class FleetSimulation(FleetConditions conditions, ulong seed)
{
    private readonly FleetConditions _conditions = conditions;
    private readonly VirtualClock _clock = new();
    private readonly PriorityQueue<Action, (TimeSpan, long)> _events = new();
    private readonly Rng _random = Rng.For(seed, "fleet");
    private readonly Dictionary<int, TimeSpan> _lengths = [];
    private long _order;
    private int _kills, _stops, _refusals;
    private TimeSpan _absent;
    private Study _study = null!;

    /// <param name="open">Opens the study's storage by the clock that is given.</param>
    public FleetResult Run(Func<TimeProvider, IStudyStorage> open)
    {
        using IStudyStorage storage = open(_clock);
        _study = new Study(storage, new RandomSampler());
        for (int i = 0; i < _conditions.Workers; i++)
            new Worker(this).Start();
        while (_events.TryDequeue(out Action? happen, out (TimeSpan Time, long) at) && at.Time <= _conditions.Duration)
        {
            _clock.Elapsed = at.Time;
            happen();
        }
        IReadOnlyList<Trial> trials = _study.Trials;
        double useful = trials.Sum(t => (t.State == TrialState.Complete ? _lengths[t.Number] : int.Parse(t.Checkpoint ?? "0") * _conditions.Checkpoint).TotalHours);
        double all = _conditions.Workers * _conditions.Duration.TotalHours;
        return new FleetResult(useful / all, useful / (all - _absent.TotalHours), trials.Count(t => t.State == TrialState.Complete), _kills, _stops, _refusals, trials.Sum(t => t.Losses));
    }

    private void After(TimeSpan time, Action happen) => _events.Enqueue(happen, (_clock.Elapsed + time, _order++));

    private TimeSpan Exponential(TimeSpan mean) => -mean * Math.Log(1 - _random.NextDouble());

    private TimeSpan LengthOf(int trial)
    {
        if (!_lengths.TryGetValue(trial, out TimeSpan length))
        {
            _lengths[trial] = length = _conditions.Trial * Math.Exp(0.5 * _random.NextGaussian());
        }
        return length;
    }

    private void AddAbsence(TimeSpan time) => _absent += _clock.Elapsed + time < _conditions.Duration ? time : _conditions.Duration - _clock.Elapsed;

    private sealed class Worker(FleetSimulation fleet)
    {
        private TrialRun? _run;
        private int _life; // what was planned in an earlier one does not happen
        private int _checkpoint;
        private TimeSpan _stoppedUntil;

        public void Start()
        {
            _life++;
            Plan(fleet.Exponential(fleet._conditions.UntilKilled), Kill);
            Plan(fleet.Exponential(fleet._conditions.UntilStopped), Stop);
            Next();
        }

        /// <summary>What the worker itself does waits for the end of a stop; the last argument makes it happen to the worker all the same.</summary>
        private void Plan(TimeSpan time, Action happen, TrialRun? of = null)
        {
            int life = _life;
            fleet.After(time, () =>
            {
                if (life != _life || (of is not null && of != _run))
                    return;
                if (of is not null && fleet._clock.Elapsed < _stoppedUntil)
                    Plan(_stoppedUntil - fleet._clock.Elapsed, happen, of);
                else
                    happen();
            });
        }

        private void Kill()
        {
            fleet._kills++;
            _life++;
            _run = null;
            _stoppedUntil = default;
            fleet.AddAbsence(fleet._conditions.Restart);
            fleet.After(fleet._conditions.Restart, Start);
        }

        private void Stop()
        {
            fleet._stops++;
            TimeSpan time = fleet.Exponential(fleet._conditions.Stopped);
            _stoppedUntil = fleet._clock.Elapsed + time;
            fleet.AddAbsence(time);
            Plan(time + fleet.Exponential(fleet._conditions.UntilStopped), Stop);
        }

        private void Next()
        {
            _run = fleet._study.Ask()!;
            _checkpoint = int.Parse(_run.Checkpoint ?? "0");
            Work(_run);
            Renew(_run);
        }

        private void Work(TrialRun run)
        {
            TimeSpan left = fleet.LengthOf(run.Number) - _checkpoint * fleet._conditions.Checkpoint;
            if (left > fleet._conditions.Checkpoint)
                Plan(fleet._conditions.Checkpoint, () => Write(() => fleet._study.Report(run, _checkpoint, 0, (++_checkpoint).ToString()), () => Work(run)), run);
            else
                Plan(left, () => Write(() => fleet._study.Tell(run, run.Number), Next), run);
        }

        private void Renew(TrialRun run) => Plan(fleet._conditions.Lease / 3, () => Write(() => fleet._study.Renew(run), () => Renew(run)), run);

        private void Write(Action write, Action then)
        {
            try
            {
                write();
            }
            catch (LeaseLostException)
            {
                fleet._refusals++;
                then = Next;
            }
            then();
        }
    }

    private sealed class VirtualClock : TimeProvider
    {
        private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public TimeSpan Elapsed { get; set; }

        public override DateTimeOffset GetUtcNow() => Start + Elapsed;
    }
}
