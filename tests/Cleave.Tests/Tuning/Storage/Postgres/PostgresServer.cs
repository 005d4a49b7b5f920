using System.Diagnostics;
using System.Globalization;
using Cleave.Tests.Formats.Durable;
using Npgsql;

namespace Cleave.Tests.Tuning.Storage.Postgres;

/// <summary>A PostgreSQL server of the tests' own, behind a socket in a temporary folder; it starts when it is first asked for.</summary>
public sealed class PostgresServer : IDisposable
{
    private const string User = "cleave";

    private readonly Lock _lock = new();
    private TemporaryFolder? _folder;
    private Process? _server;
    private int _databases;

    /// <summary>The folder of the server's programs, the newest where there are several; null where there are none.</summary>
    public static string? Programs { get; } = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(d => int.TryParse(Path.GetFileName(d), out int v) ? v : 0)
            .Select(d => Path.Combine(d, "bin")).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
        : null;

    public static string? Missing => Programs is null ? "needs PostgreSQL (apt-get install postgresql)" : null;

    private string Socket => _folder!.Path;

    /// <summary>Makes an empty database.</summary>
    /// <returns>Its address.</returns>
    public string CreateDatabase()
    {
        Start();
        string name = "test" + Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture);
        Execute(Url("postgres"), $"CREATE DATABASE {name}");
        return Url(name);
    }

    public static void Execute(string url, string sql)
    {
        using var connection = new NpgsqlConnection(Cleave.Tuning.Storage.Postgres.PostgresUrl.Parse(url).Connection);
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    public void Start()
    {
        lock (_lock)
        {
            if (_server is { HasExited: false })
                return;
            if (_folder is null)
            {
                _folder = new TemporaryFolder();
                if (Environment.UserName == "root")
                    Run("chown", "nobody", _folder.Path);
                AsUser(Path.Combine(Programs!, "initdb"), "-D", _folder.File("data"), "-U", User, "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync");
            }
            // The processes of one that was killed go within moments and hold its memory until then.
            var patience = Stopwatch.StartNew();
            while (true)
            {
                _server = Launch(Path.Combine(Programs!, "postgres"), "-D", _folder.File("data"), "-k", Socket, "-c", "listen_addresses=", "-c", "max_connections=100");
                while (!_server.HasExited && !IsReady() && patience.Elapsed < TimeSpan.FromSeconds(60))
                    Thread.Sleep(50);
                if (!_server.HasExited)
                    return;
                Assert.True(patience.Elapsed < TimeSpan.FromSeconds(60), "the server does not start");
                Thread.Sleep(200);
            }
        }
    }

    /// <summary>As a machine that loses its power, but for the disk: SIGKILL to every process of the server.</summary>
    public void Kill()
    {
        lock (_lock)
        {
            int[] children = [.. Run("ps", "-o", "pid=", "--ppid", $"{_server!.Id}").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
            _server.Kill();
            foreach (int child in children)
            {
                try
                {
                    using var process = Process.GetProcessById(child);
                    process.Kill();
                }
                catch (ArgumentException)
                {
                    // It went with its parent.
                }
            }
            _server.WaitForExit();
        }
    }

    public void Dispose()
    {
        if (_server is { HasExited: false })
            Kill();
        _server?.Dispose();
        for (int i = 0; _folder is not null; i++)
        {
            try
            {
                _folder.Dispose();
                return;
            }
            catch (IOException) when (i < 20)
            {
                Thread.Sleep(100); // its last processes still write
            }
        }
    }

    private string Url(string database) => $"postgres://{User}@/{database}?host={Uri.EscapeDataString(Socket)}";

    private bool IsReady()
    {
        try
        {
            Execute(Url("postgres"), "SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    /// <summary>The server refuses to run as root.</summary>
    private static ProcessStartInfo Info(string program, string[] args)
    {
        string[] all = Environment.UserName == "root" ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", program, .. args] : [program, .. args];
        return new ProcessStartInfo(all[0], all[1..]) { WorkingDirectory = "/", RedirectStandardOutput = true, RedirectStandardError = true };
    }

    private static Process Launch(string program, params string[] args)
    {
        Process process = Process.Start(Info(program, args))!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static void AsUser(string program, params string[] args) => Finish(Process.Start(Info(program, args))!);

    private static string Run(string program, params string[] args) => Finish(Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true })!);

    private static string Finish(Process process)
    {
        using (process)
        {
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0 || process.StartInfo.FileName == "ps", error.Result);
            return output;
        }
    }
}

/// <summary>One server for all tests that need one, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresServer>
{
    public const string Name = "postgres";
}

[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsPostgresAttribute : NeedsAttribute
{
    public override string? Missing => PostgresServer.Missing;
}

/// <summary>A test that starts PostgreSQL; skipped, and said so, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PostgresServer.Missing;
}
