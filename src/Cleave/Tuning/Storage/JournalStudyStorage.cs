using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Tuning.Storage;

/// <summary>
/// A study in one append-only file, see <see cref="Journal"/>: the definition, then one JSON line for each event, see
/// <see cref="JournalReplay"/>. Finished trials are on the disk before <see cref="Finish"/> returns; what is lost with the
/// power besides is asked for again, with the same answer.
/// </summary>
/// <remarks>
/// The file belongs to one process (<see cref="Open"/>), or to several of one machine that take turns (<see cref="OpenShared"/>).
/// Locks and clocks of other machines are not trusted: studies of several machines belong in <see cref="Postgres.PostgresStudyStorage"/>.
/// </remarks>
public sealed class JournalStudyStorage : IStudyStorage
{
    internal static readonly JournalOptions Options = new("study", Version: 2, FlushEachAppend: false);
    private readonly Journal _journal;
    private readonly MemoryStudyStorage _state;

    private JournalStudyStorage(Journal journal, MemoryStudyStorage state) => (_journal, _state) = (journal, state);

    public StudyDefinition Definition => _state.Definition;

    public string? Settings => _state.Settings;

    public TimeSpan? LeaseTime => _state.LeaseTime;

    public IReadOnlyList<Trial> Trials => _state.Trials;

    /// <summary>Opens or makes the study's file for one process. Trials that were running when the last writer died wait to run again.</summary>
    /// <exception cref="CleaveException">Another process writes it, it is damaged, or it holds a study with another definition.</exception>
    public static JournalStudyStorage Open(string path, StudyDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        var replay = new JournalReplay(path);
        JournalStudyStorage storage = Start(path, definition, Journal.Open(path, Options, replay.Apply), replay);
        foreach (Trial interrupted in storage.Trials.Where(t => t.State == TrialState.Running).ToArray())
            storage.Release(MemoryStudyStorage.LeaseOf(interrupted));
        storage._journal.Flush();
        return storage;
    }

    /// <summary>Opens or makes the study's file for any number of processes of this machine.</summary>
    /// <param name="definition">Null takes the one in the file.</param>
    /// <param name="leaseTime">How long a trial stays with a silent worker, in a new study; an old one keeps its own.</param>
    /// <exception cref="CleaveException">It is damaged, or holds no study or one with another definition, or a process keeps it to itself.</exception>
    public static JournalStudyStorage OpenShared(string path, StudyDefinition? definition, TimeSpan leaseTime, TimeProvider? clock = null)
    {
        var replay = new JournalReplay(path, leaseTime, clock);
        return Start(path, definition, Journal.OpenShared(path, Options, replay.Apply), replay, leaseTime);
    }

    /// <summary>Where <c>cleave tune</c> keeps a study of the name in a folder, for one process or several.</summary>
    public static string FileOf(string folder, string name) => JournalCatalog.FileOf(folder, name);

    /// <summary>Whether there is a study that <see cref="OpenShared"/> made.</summary>
    /// <exception cref="CleaveException">The file is damaged.</exception>
    public static bool IsShared(string path)
    {
        byte[]? first = null;
        if (File.Exists(path))
            Journal.Read(path, Options, record => first ??= record.ToArray());
        return first is not null && JournalReplay.HasLease(path, first);
    }

    /// <summary>Removes the study; processes that share it are refused from then on.</summary>
    /// <exception cref="CleaveException">A process has it to itself.</exception>
    public static void Delete(string path) => Journal.Delete(path, IsShared(path));

    /// <summary>Whether a file holds a study; a damaged one does, and whoever opens it is told so.</summary>
    public static bool HasBegun(string path)
    {
        var replay = new JournalReplay(path);
        try
        {
            Journal.Read(path, Options, replay.Apply);
        }
        catch (CleaveException)
        {
            return true;
        }
        return replay.State is not null;
    }

    /// <summary>Reads a study that another process may be working on.</summary>
    /// <exception cref="CleaveException">The file is missing, damaged or holds no study.</exception>
    public static (StudyDefinition Definition, IReadOnlyList<Trial> Trials) Read(string path)
    {
        var replay = new JournalReplay(path);
        Journal.Read(path, Options, replay.Apply);
        return replay.State is { } state ? (state.Definition, state.Trials) : throw new CleaveException($"{path}: holds no study yet (run it first)");
    }

    public void Refresh() => _journal.Alone(() => true);

    public void Configure(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Write(() => new JsonObject { ["event"] = "settings", ["settings"] = settings }, () => _state.Configure(settings), flush: true);
    }

    public Trial Enqueue(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return _journal.Alone(() =>
        {
            Append(new JsonObject { ["event"] = "enqueue", ["params"] = parameters.ToJson() });
            return _state.Enqueue(parameters);
        });
    }

    public Lease? Claim(string worker, int limit = int.MaxValue) => _journal.Alone<Lease?>(() =>
    {
        Trial? trial;
        while ((trial = _state.Claimable()) is not null && MemoryStudyStorage.IsHopeless(trial))
        {
            Append(Event("lost", trial.Number));
            _journal.Flush();
            _state.GiveUp(trial.Number);
        }
        return trial is not null || _state.Trials.Count < limit ? Start("start", trial?.Number ?? _state.Trials.Count, worker) : null;
    });

    public Lease? Resume(int number, string worker) => _journal.Alone<Lease?>(() => _state.IsPaused(number) ? Start("resume", number, worker) : null);

    public void Renew(Lease lease)
    {
        DateTimeOffset until = _state.Until();
        Write(lease, _ => Until(Event("alive", lease.Trial), until), () => _state.Extend(lease, until));
    }

    public void SetParameters(Lease lease, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Write(lease, trial =>
        {
            MemoryStudyStorage.CheckWithoutParameters(trial);
            return Event("params", trial.Number, ("params", parameters.ToJson()));
        }, () => _state.SetParameters(lease, parameters));
    }

    public void Report(Lease lease, int step, double value, string? checkpoint = null)
    {
        DateTimeOffset until = _state.Until();
        Write(lease, trial =>
        {
            MemoryStudyStorage.CheckStep(trial, step);
            JsonObject report = Event("step", trial.Number, ("step", step), ("value", double.IsFinite(value) ? value : null));
            if (checkpoint is not null)
                report["checkpoint"] = checkpoint;
            return Until(report, until);
        }, () => _state.Report(lease, step, value, checkpoint, until));
    }

    public void Attach(Lease lease, IReadOnlyList<string> artifacts)
    {
        ArgumentNullException.ThrowIfNull(artifacts);
        Write(lease, trial => Event("artifacts", trial.Number, ("names", new JsonArray([.. artifacts.Select(a => JsonValue.Create(a))]))),
            () => _state.Attach(lease, artifacts));
    }

    public void Pause(Lease lease) => Write(lease, trial =>
    {
        MemoryStudyStorage.CheckPause(trial);
        return Event("pause", trial.Number);
    }, () => _state.Pause(lease), flush: true);

    public void Finish(Lease lease, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        Write(lease, trial =>
        {
            MemoryStudyStorage.CheckValues(Definition, trial.Number, outcome);
            MemoryStudyStorage.CheckHasParameters(trial);
            JsonObject end = Event("end", trial.Number, ("state", JournalReplay.Name(outcome.State)), ("values", new JsonArray([.. outcome.Values.Select(v => JsonValue.Create(v))])));
            if (outcome.Constraints.Count > 0)
                end["constraints"] = new JsonArray([.. outcome.Constraints.Select(c => JsonValue.Create(c))]);
            if (outcome.Note is not null)
                end["note"] = outcome.Note;
            return end;
        }, () => _state.Finish(lease, outcome), flush: true);
    }

    public void Release(Lease lease) => Write(lease, trial => Event("release", trial.Number), () => _state.Release(lease));

    public void Dispose() => _journal.Dispose();

    private static JournalStudyStorage Start(string path, StudyDefinition? definition, Journal journal, JournalReplay replay, TimeSpan? leaseTime = null)
    {
        try
        {
            journal.Alone(() =>
            {
                if (replay.State is { } stored)
                    stored.Definition.CheckSame(path, definition ?? stored.Definition);
                else if (definition is null)
                    throw new CleaveException($"{path}: holds no study yet (start it with cleave tune)");
                else
                {
                    JsonObject first = definition.ToJson();
                    if (leaseTime is { } time)
                        first[JournalReplay.LeaseKey] = (long)time.TotalMilliseconds;
                    byte[] record = Encoding.UTF8.GetBytes(first.ToJsonString());
                    journal.Append(record);
                    replay.Apply(record);
                    journal.Flush();
                }
                return true;
            });
            return new JournalStudyStorage(journal, replay.State!);
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    private Lease Start(string name, int number, string worker)
    {
        DateTimeOffset until = _state.Until();
        JsonObject start = Until(Event(name, number), until);
        if (worker.Length > 0)
            start["worker"] = worker;
        Append(start);
        return _state.Start(number, worker, until);
    }

    /// <summary>Checks that the trial is the lease's, appends the event, and has the state follow.</summary>
    private void Write(Lease lease, Func<Trial, JsonObject> describe, Action apply, bool flush = false) => Write(() => describe(_state.Held(lease)), apply, flush);

    private void Write(Func<JsonObject> describe, Action apply, bool flush) => _journal.Alone(() =>
    {
        Append(describe());
        if (flush)
            _journal.Flush();
        apply();
        return true;
    });

    private static JsonObject Until(JsonObject json, DateTimeOffset until)
    {
        if (until != DateTimeOffset.MaxValue)
            json["until"] = until.ToUnixTimeMilliseconds();
        return json;
    }

    private static JsonObject Event(string name, int number, params ReadOnlySpan<(string Name, JsonNode? Value)> members)
    {
        var json = new JsonObject { ["event"] = name, ["trial"] = number };
        foreach ((string key, JsonNode? value) in members)
            json[key] = value;
        return json;
    }

    private void Append(JsonObject json) => _journal.Append(Encoding.UTF8.GetBytes(json.ToJsonString()));
}
