using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;

namespace Cleave.Tuning.Storage.Postgres;

/// <summary>
/// A study in a PostgreSQL database, for any number of processes on any machines. Leases run by the database's clock. A
/// trial's parameters and its end are on the database's disk before they are answered; of what lies between, a database that
/// is killed may forget the last moments, which then are done again.
/// </summary>
internal sealed class PostgresStudyStorage : IStudyStorage
{
    /// <summary>The time of day by which leases run, as the database tells it.</summary>
    public const string DatabaseClock = "clock_timestamp()";

    private readonly PostgresSession _session;
    private readonly long _study;
    private readonly List<Trial> _trials = [];
    private readonly string _claim, _resume, _renew, _report;
    private int _generation;
    private ulong _seen;

    public PostgresStudyStorage(PostgresSession session, long study, StudyDefinition definition, string? settings, TimeSpan leaseTime, string clock)
    {
        (_session, _study, Definition, Settings, LeaseTime) = (session, study, definition, settings, leaseTime);
        (_claim, _resume, _renew, _report) = (PostgresSchema.Claim(clock), PostgresSchema.Resume(clock), PostgresSchema.Renew(clock), PostgresSchema.Report(clock));
        Refresh();
    }

    public StudyDefinition Definition { get; }

    public string? Settings { get; private set; }

    public TimeSpan? LeaseTime { get; }

    public IReadOnlyList<Trial> Trials => _trials;

    public void Refresh() => _session.Run((connection, _) =>
    {
        using var batch = new NpgsqlBatch(connection) { BatchCommands = { Changes(), Command("SELECT settings FROM cleave_studies WHERE id = $1", Of(_study)) } };
        using NpgsqlDataReader reader = batch.ExecuteReader();
        TakeChanges(reader);
        if (reader.NextResult() && reader.Read())
            Settings = reader.IsDBNull(0) ? null : reader.GetString(0);
        return true;
    });

    public void Configure(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _session.Run((connection, _) => Execute(connection, Command("UPDATE cleave_studies SET settings = $2 WHERE id = $1", Of(_study), Of(settings))) == 1 ? true : throw Gone());
        Settings = settings;
    }

    public Trial Enqueue(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        long token = NewToken();
        TrialRow? row = _session.Run((connection, again) => One(connection, Command(PostgresSchema.Enqueue, Of(_study), Of(parameters.ToJson().ToJsonString()), Of(token)))
            ?? (again ? ByToken(connection, token) : null));
        return Take(row ?? throw Gone());
    }

    public Lease? Claim(string worker, int limit = int.MaxValue)
    {
        while (true)
        {
            long token = NewToken();
            TrialRow? row = _session.Run((connection, again) => (again ? ByToken(connection, token) : null) ?? Claim(connection, worker, limit, token));
            if (row is null)
                return null;
            Take(row);
            if (row.State == TrialState.Running)
                return new Lease(row.Number, token);
        }
    }

    public Lease? Resume(int number, string worker)
    {
        long token = NewToken();
        TrialRow? row = _session.Run((connection, again) => (again ? ByToken(connection, token) : null)
            ?? One(connection, Command(_resume, Of(_study), Of(number), Of(worker.Length > 0 ? worker : null), Of(token))));
        if (row is not null)
        {
            Take(row);
            return new Lease(number, token);
        }
        Refresh();
        if (_trials[number].State == TrialState.Paused && _session.Run((connection, _) => ByNumber(connection, number)) is { } current)
            Take(current);
        return null;
    }

    public void Renew(Lease lease) => Update(lease, _renew, null, _ => true);

    public void SetParameters(Lease lease, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Update(lease, PostgresSchema.SetParameters, MemoryStudyStorage.CheckWithoutParameters, r => r.Parameters is not null, Of(parameters.ToJson().ToJsonString()));
    }

    public void Report(Lease lease, int step, double value, string? checkpoint = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        Update(lease, _report, trial => MemoryStudyStorage.CheckStep(trial, step), r => r.Steps.Contains(step), Of(step), Of(double.IsFinite(value) ? value : double.NaN), Of(checkpoint));
    }

    public void Attach(Lease lease, IReadOnlyList<string> artifacts)
    {
        ArgumentNullException.ThrowIfNull(artifacts);
        if (artifacts.Count > 0)
            Update(lease, PostgresSchema.Attach, null, _ => true, Of<string[]>([.. artifacts]));
    }

    public void Pause(Lease lease) => Update(lease, PostgresSchema.Pause, MemoryStudyStorage.CheckPause, r => r.State == TrialState.Paused);

    public void Finish(Lease lease, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        MemoryStudyStorage.CheckValues(Definition, lease.Trial, outcome);
        Update(lease, PostgresSchema.Finish, MemoryStudyStorage.CheckHasParameters, r => r.State == outcome.State, Of(outcome.State.ToString().ToLowerInvariant()),
            Of<double[]>([.. outcome.Values]), Of<double[]>([.. outcome.Constraints]), Of(outcome.Note));
    }

    public void Release(Lease lease) => Update(lease, PostgresSchema.Release, null, r => r.State == TrialState.Waiting);

    public void Dispose() => _session.Dispose();

    /// <summary>Carries out a statement that finds its trial only as long as that is the lease's.</summary>
    /// <param name="check">Throws where the statement found nothing because the caller asked for nonsense.</param>
    /// <param name="isDone">Tells, where the connection broke, that the row is as a try before that would have left it.</param>
    private void Update(Lease lease, string statement, Action<Trial>? check, Func<TrialRow, bool> isDone, params ReadOnlySpan<NpgsqlParameter> more)
    {
        NpgsqlParameter[] parameters = [Of(_study), Of(lease.Trial), Of(lease.Token), .. more];
        (TrialRow? row, bool done) = _session.Run((connection, again) =>
        {
            if (One(connection, Command(statement, [.. parameters.Select(p => p.Clone())])) is { } written)
                return (written, true);
            TrialRow? current = ByNumber(connection, lease.Trial);
            return (current, again && current is not null && current.Token == lease.Token && isDone(current));
        });
        Trial? trial = row is null ? null : Take(row);
        if (done)
            return;
        if (trial is { State: TrialState.Running } && row!.Token == lease.Token)
            check?.Invoke(trial);
        throw MemoryStudyStorage.Lost(Definition, lease.Trial, trial);
    }

    private TrialRow? Claim(NpgsqlConnection connection, string worker, int limit, long token)
    {
        // What others did is read first: the claim of a new number holds others up, so nothing follows it.
        using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                Changes(),
                Command(_claim, Of(_study), Of(limit), Of(worker.Length > 0 ? worker : null), Of(token), Of(IStudyStorage.MostLosses), Of(MemoryStudyStorage.HopelessNote)),
            },
        };
        using NpgsqlDataReader reader = batch.ExecuteReader();
        TakeChanges(reader);
        return reader.NextResult() && reader.Read() ? TrialRow.Read(reader) : null;
    }

    private NpgsqlBatchCommand Changes()
    {
        // Over a new connection everything is read again: a database that was killed may have forgotten what it had shown.
        ulong since = _generation == _session.Generation ? _seen : 0;
        return Command(PostgresSchema.Changes, Of(_study), new NpgsqlParameter { Value = since, NpgsqlDbType = NpgsqlDbType.Xid8 });
    }

    private void TakeChanges(NpgsqlDataReader reader)
    {
        bool any = false;
        ulong seen = 0;
        int count = 0;
        while (reader.Read())
        {
            (any, seen) = (true, reader.GetFieldValue<ulong>(0));
            if (reader.IsDBNull(1))
                continue;
            count = Take(TrialRow.Read(reader, 1)).Number + 1;
        }
        if (!any)
            throw Gone();
        if (_generation != _session.Generation && count < _trials.Count)
            _trials.RemoveRange(count, _trials.Count - count);
        (_seen, _generation) = (seen, _session.Generation);
    }

    private Trial Take(TrialRow row)
    {
        // The numbers between are trials that others have begun since the last reading.
        while (_trials.Count <= row.Number)
            _trials.Add(new Trial(_trials.Count, TrialState.Running));
        try
        {
            row.CopyTo(_trials[row.Number], Definition.Space, _generation != _session.Generation);
        }
        catch (FormatException e)
        {
            throw new CleaveException($"{_session.Place}: {Definition.Name}: trial {row.Number} cannot be read: {e.Message}", e);
        }
        return _trials[row.Number];
    }

    private LeaseLostException Gone() => new LeaseLostException($"{_session.Place}: the study {Definition.Name} is there no longer (it was deleted or started over)");

    private TrialRow? ByToken(NpgsqlConnection connection, long token) =>
        One(connection, Command($"SELECT {PostgresSchema.Columns} FROM cleave_trials WHERE study = $1 AND token = $2", Of(_study), Of(token)));

    private TrialRow? ByNumber(NpgsqlConnection connection, int number) =>
        One(connection, Command($"SELECT {PostgresSchema.Columns} FROM cleave_trials WHERE study = $1 AND number = $2", Of(_study), Of(number)));

    private static TrialRow? One(NpgsqlConnection connection, NpgsqlBatchCommand command)
    {
        using var batch = new NpgsqlBatch(connection) { BatchCommands = { command } };
        using NpgsqlDataReader reader = batch.ExecuteReader();
        return reader.Read() ? TrialRow.Read(reader) : null;
    }

    private static int Execute(NpgsqlConnection connection, NpgsqlBatchCommand command)
    {
        using var batch = new NpgsqlBatch(connection) { BatchCommands = { command } };
        return batch.ExecuteNonQuery();
    }

    private static NpgsqlBatchCommand Command(string text, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(text);
        foreach (NpgsqlParameter parameter in parameters)
            command.Parameters.Add(parameter);
        return command;
    }

    private static NpgsqlParameter<T> Of<T>(T value) => new() { TypedValue = value };

    private static NpgsqlParameter Of(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    private static long NewToken() => MemoryMarshal.Read<long>(Guid.NewGuid().ToByteArray());
}
