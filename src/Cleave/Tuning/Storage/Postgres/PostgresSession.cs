using System.Data;
using Npgsql;

namespace Cleave.Tuning.Storage.Postgres;

/// <summary>One connection to the database that is made again when it breaks, so that a restart of the server costs a worker nothing but time.</summary>
internal sealed class PostgresSession(PostgresUrl url, StorageOptions options) : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromSeconds(5), Doubt = TimeSpan.FromSeconds(10);

    private NpgsqlConnection? _connection;
    private bool _worked;

    public string Place => url.Text;

    /// <summary>Which connection of the session is in use: what was learnt over an earlier one may not have survived.</summary>
    public int Generation { get; private set; }

    /// <summary>Runs commands that are one transaction, again if the connection breaks.</summary>
    /// <param name="work">The second argument says that an earlier try may have been carried out.</param>
    /// <exception cref="CleaveException">The database cannot be reached for longer than the options allow, or refuses.</exception>
    public T Run<T>(Func<NpgsqlConnection, bool, T> work)
    {
        long start = Environment.TickCount64;
        // An address that never answered may be a wrong one.
        TimeSpan patience = _worked || options.Patience < Doubt ? options.Patience : Doubt;
        TimeSpan pause = FirstPause;
        for (bool again = false; ; again = true)
        {
            try
            {
                T result = work(Connect(), again);
                _worked = true;
                return result;
            }
            catch (Exception e) when (IsOfTheWorld(e) || (e is InvalidOperationException && IsBroken))
            {
                Drop();
                bool passing = e is not NpgsqlException { IsTransient: false };
                if (!passing || Environment.TickCount64 - start >= patience.TotalMilliseconds)
                {
                    _worked = false; // what is tried now to end in order does not wait as long again
                    throw new CleaveException($"{Place}: {Reason(e)}", e);
                }
                if (pause == FirstPause)
                    options.Say?.Invoke($"{Place}: {Reason(e)}: trying again for {patience.TotalSeconds:0} s");
                options.Cancellation.WaitHandle.WaitOne(pause);
                options.Cancellation.ThrowIfCancellationRequested();
                pause = 2 * pause < LongestPause ? 2 * pause : LongestPause;
            }
        }
    }

    public void Dispose() => Drop();

    private NpgsqlConnection Connect()
    {
        if (_connection is not null && !IsBroken)
            return _connection;
        Drop();
        var connection = new NpgsqlConnection(url.Connection);
        try
        {
            connection.Open();
            if (connection.PostgreSqlVersion.Major < 13)
                throw new CleaveException($"{Place}: is PostgreSQL {connection.PostgreSqlVersion}; 13 or newer is needed");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
        Generation++;
        return _connection = connection;
    }

    /// <summary>Whether the connection broke while nothing went over it; the client library then calls its next use a misuse.</summary>
    private bool IsBroken => _connection is { State: ConnectionState.Closed };

    private void Drop()
    {
        try
        {
            _connection?.Dispose();
        }
        catch (Exception e) when (IsOfTheWorld(e))
        {
            // It was broken already.
        }
        _connection = null;
    }

    private static bool IsOfTheWorld(Exception e) => e is NpgsqlException or IOException or TimeoutException or System.Net.Sockets.SocketException or ObjectDisposedException;

    private static string Reason(Exception e) => e switch
    {
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "the database's disk is full (free space there)",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } p => $"{p.MessageText} (grant this user what it lacks, or have another one make the tables)",
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } p => $"{p.MessageText} (create it: createdb)",
        PostgresException p => p.MessageText,
        { InnerException: { } inner } => $"cannot be reached: {inner.Message.ReplaceLineEndings(" ")}",
        _ => $"cannot be reached: {e.Message.ReplaceLineEndings(" ")}",
    };
}
