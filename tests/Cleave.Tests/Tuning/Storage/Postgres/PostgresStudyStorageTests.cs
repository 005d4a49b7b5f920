using System.Diagnostics;
using System.Globalization;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;
using Cleave.Tuning.Storage.Postgres;

namespace Cleave.Tests.Tuning.Storage.Postgres;

/// <summary>The contract over a real server; time is a table's, so that leases run out when a test says so.</summary>
[Collection(PostgresCollection.Name)]
[NeedsPostgres]
[Trait("Kernels", "unused")]
public sealed class PostgresStudyStorageTests(PostgresServer server) : SharedStudyStorageContract
{
    private const string Clock = "(SELECT now FROM test_clock)";
    private string? _database;

    private string Database
    {
        get
        {
            if (_database is null)
            {
                _database = server.CreateDatabase();
                PostgresServer.Execute(_database, "CREATE TABLE test_clock (now timestamptz); INSERT INTO test_clock VALUES ('2026-01-02 03:04:05Z')");
            }
            return _database;
        }
    }

    protected override IStudyStorage Open(StudyDefinition definition) => Open(definition, null);

    private IStudyStorage Open(StudyDefinition definition, List<string>? said) =>
        new PostgresCatalog(Database, new StorageOptions { LeaseTime = LeaseTime, Patience = TimeSpan.FromSeconds(60), Say = said is null ? null : said.Add }, Clock).Create(definition);

    protected override void Elapse(TimeSpan time) =>
        PostgresServer.Execute(Database, string.Create(CultureInfo.InvariantCulture, $"UPDATE test_clock SET now = now + interval '{time.TotalMilliseconds} ms'"));

    [ContractFact]
    public void A_database_that_is_killed_keeps_what_it_accepted_and_its_workers_go_on()
    {
        var said = new List<string>();
        using IStudyStorage storage = Open(Definition, said);
        var study = new Study(storage, new RandomSampler());
        var told = new List<int>();
        for (int kill = 0; kill < 3; kill++)
        {
            for (int i = 0; i < 5; i++)
            {
                TrialRun run = study.Ask()!;
                run.Report(0, run.Number, "at " + run.Number);
                study.Tell(run, run.Number);
                told.Add(run.Number);
            }
            TrialRun middle = study.Ask()!;
            middle.Report(0, 1, "here");
            server.Kill();
            server.Start();
            study.Tell(middle, middle.Number);
            told.Add(middle.Number);
        }
        int all = told.Count + 5;
        while (study.Ask(all) is { } run)
        {
            study.Tell(run, run.Number);
            told.Add(run.Number);
        }
        using IStudyStorage again = Open(Definition);
        Assert.Equal(Enumerable.Range(0, all), told.Order());
        Assert.Equal(Enumerable.Range(0, all), again.Trials.Select(t => t.Number));
        Assert.All(again.Trials, t => Assert.Equal((TrialState.Complete, t.Number), (t.State, (int)t.Values[0])));
        Assert.NotEmpty(said);
        Assert.All(said, s => Assert.Contains("trying again", s, StringComparison.Ordinal));
    }

    /// <summary>A trial that was begun just before a kill may be forgotten, and its number given to another one.</summary>
    [ContractFact]
    public void What_a_killed_database_has_forgotten_its_workers_forget_too()
    {
        using IStudyStorage one = Open(Definition), two = Open(Definition);
        Lease forgotten = one.Claim("one")!.Value;
        one.SetParameters(forgotten, Set(0.5));
        two.Refresh();
        PostgresServer.Execute(Database, "DELETE FROM cleave_trials; UPDATE cleave_studies SET trials = 0");
        PostgresServer.Execute(Database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        Lease anew = one.Claim("other")!.Value;
        Assert.Equal((0, null), (anew.Trial, one.Trials[0].Parameters));
        Elapse(LeaseTime * 2);
        Lease taken = two.Claim("two")!.Value;
        Assert.Equal((0, null), (taken.Trial, two.Trials[0].Parameters));
        Assert.Throws<LeaseLostException>(() => one.Finish(forgotten, 1.0));
        two.SetParameters(taken, Set(0.25));
        two.Finish(taken, 2.0);
        one.Refresh();
        Assert.Equal(Set(0.25), Assert.Single(one.Trials).Parameters);
    }

    [ContractFact]
    public void A_study_of_ten_thousand_trials_opens_in_a_second()
    {
        Open(Definition).Dispose();
        PostgresServer.Execute(Database, """
            UPDATE cleave_studies SET trials = 10000;
            INSERT INTO cleave_trials (study, number, state, params, attempt, result, steps, step_values)
            SELECT s.id, n, 'complete', '{"x":' || n / 10000.0 || ',"n":3}', 1, ARRAY[n / 7.0], '{0,1,2}', ARRAY[1.5, 2.5, n]
            FROM cleave_studies s, generate_series(0, 9999) n
            """);
        Open(Definition).Dispose(); // compiles the code
        using var process = Process.GetCurrentProcess();
        var clock = Stopwatch.StartNew();
        using IStudyStorage storage = Open(Definition);
        TimeSpan open = clock.Elapsed;
        Assert.Equal(10_000, storage.Trials.Count);
        Assert.Equal(9999 / 7.0, storage.Trials[9999].Values[0], 1e-9);
        Assert.Equal([1.5, 2.5, 9999], storage.Trials[9999].Steps.Select(s => s.Value));
        // Ten times what it takes here, for a machine that does other things.
        Assert.True(open < TimeSpan.FromSeconds(5), $"{open.TotalSeconds:0.00} s");
    }

    [ContractFact]
    public void Tables_of_another_version_and_studies_that_are_gone_are_said_so()
    {
        using IStudyStorage storage = Open(Definition);
        Lease lease = storage.Claim("")!.Value;
        new PostgresCatalog(Database, new StorageOptions()).Delete(Definition.Name);
        Assert.Throws<LeaseLostException>(() => storage.Renew(lease));
        Assert.Contains("there no longer", Assert.Throws<LeaseLostException>(() => storage.Claim("")).Message, StringComparison.Ordinal);
        Assert.Contains("has no study 'contract' (it has none)", Assert.Throws<CleaveException>(() => new PostgresCatalog(Database, new StorageOptions()).Open("contract")).Message, StringComparison.Ordinal);
        PostgresServer.Execute(Database, "UPDATE cleave_schema SET version = 2");
        Assert.Contains("another version of cleave (2", Assert.Throws<CleaveException>(() => Open(Definition)).Message, StringComparison.Ordinal);
    }

    [ContractFact]
    public void A_connection_that_breaks_while_it_is_not_used_is_made_again()
    {
        using IStudyCatalog catalog = StudyCatalogs.Open(Database + "&keepalives_idle=1", new StorageOptions { LeaseTime = LeaseTime, Patience = TimeSpan.FromSeconds(60) });
        using IStudyStorage storage = catalog.Create(Definition);
        Lease lease = storage.Claim("")!.Value;
        PostgresServer.Execute(Database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleave' AND datname = current_database() AND pid <> pg_backend_pid()");
        Thread.Sleep(2500); // the client library notices, and from then on calls a use a misuse
        storage.Renew(lease);
        storage.SetParameters(lease, Set(0.5));
        storage.Finish(lease, 1.0);
        Assert.Equal(TrialState.Complete, storage.Trials[0].State);
    }

    [ContractFact]
    public void What_the_database_refuses_is_one_line_with_its_address_but_not_its_password()
    {
        string url = Database.Replace("cleave@", "cleave:s3cret@", StringComparison.Ordinal);
        foreach (string wrong in new[] { url.Replace("/test", "/absent", StringComparison.Ordinal), url.Replace("host=", "port=5999&host=", StringComparison.Ordinal) })
        {
            string message = Assert.Throws<CleaveException>(() => StudyCatalogs.Open(wrong, new StorageOptions { Patience = TimeSpan.Zero }).Names()).Message;
            Assert.StartsWith("postgres://cleave@", message, StringComparison.Ordinal);
            Assert.DoesNotContain("s3cret", message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }
}

public sealed class PostgresUrlTests
{
    [Theory]
    [InlineData("postgres://me@db.lan/studies", "db.lan", 5432, "me", "studies")]
    [InlineData("postgresql://me:a%40b@db.lan:6543/studies?sslmode=require", "db.lan", 6543, "me", "studies")]
    [InlineData("postgres://me@[::1]:99/x", "::1", 99, "me", "x")]
    [InlineData("postgres://me@/x?host=%2Ftmp%2Fsock", "/tmp/sock", 5432, "me", "x")]
    public void An_address_is_read_as_PostgreSQLs_tools_read_it(string url, string host, int port, string user, string database)
    {
        PostgresUrl parsed = PostgresUrl.Parse(url);
        var builder = new Npgsql.NpgsqlConnectionStringBuilder(parsed.Connection);
        Assert.Equal((host, port, user, database), (builder.Host, builder.Port, builder.Username, builder.Database));
        Assert.DoesNotContain("a%40b", parsed.Text, StringComparison.Ordinal);
        if (url.Contains("a%40b", StringComparison.Ordinal))
            Assert.Equal("a@b", builder.Password);
    }

    [Theory]
    [InlineData("postgres://me:pa/s3cret@db/x", "postgres://me@db/x: is not a database's address")]
    [InlineData("postgres://me:p@s3cret@db/x", "postgres://me@db/x: is not a database's address")]
    [InlineData("postgres://me@db/x?password=s3cret", "postgres://me@db/x: 'password' is not understood")]
    [InlineData("Postgres://me:s3cret@db/x", "Postgres://me@db/x: studies are kept in a database")]
    [InlineData("postgres://db/x?foo=1", "'foo' is not understood")]
    [InlineData("postgres://db:0/x", "has no valid port")]
    [InlineData("mysql://db/x", "are kept in a database")]
    [InlineData("postgres://a b@c d/?x", "'x' is not understood")]
    public void Another_address_is_refused(string url, string complaint)
    {
        string message = Assert.Throws<CleaveException>(() => StudyCatalogs.Open(url, new StorageOptions())).Message;
        Assert.Contains(complaint, message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", message, StringComparison.Ordinal);
        Assert.Equal(url.Contains("s3cret", StringComparison.Ordinal), StudyCatalogs.HasPassword(url));
    }
}
