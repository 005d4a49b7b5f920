using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Cleave.Tuning.Storage.Postgres;

/// <summary>Where a database is, as PostgreSQL's own tools write it (libpq, "Connection URIs"): <c>postgres://user@host:port/database?sslmode=require</c>.</summary>
internal sealed partial class PostgresUrl
{
    private PostgresUrl(string connection, string text) => (Connection, Text) = (connection, text);

    /// <summary>For the client library.</summary>
    public string Connection { get; }

    /// <summary>The URL without its password, for people.</summary>
    public string Text { get; }

    public static bool Is(string text) => text.StartsWith("postgres://", StringComparison.Ordinal) || text.StartsWith("postgresql://", StringComparison.Ordinal);

    /// <summary>Whether the URL itself holds a password, or may do so where it cannot be read.</summary>
    public static bool HasPassword(string text) => Form().Match(text) is { Success: true } match ? match.Groups["password"].Success
        || match.Groups["query"].Value.Contains("password", StringComparison.OrdinalIgnoreCase) : Hide(text) != text;

    /// <exception cref="CleaveException">It is not such a URL.</exception>
    public static PostgresUrl Parse(string text)
    {
        Match match = Form().Match(text);
        if (!match.Success)
            throw new CleaveException($"{Hide(text)}: is not a database's address (postgres://user@host:5432/database; special characters as %40)");
        string Part(string name) => Uri.UnescapeDataString(match.Groups[name].Value);
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = Part("host") is { Length: > 0 } host ? host.Trim('[', ']') : DefaultHost(),
            Database = Part("database") is { Length: > 0 } database ? database : "postgres",
            ApplicationName = "cleave",
            Pooling = false,
            KeepAlive = 30,
            Timeout = 10,
            CommandTimeout = 30,
            MaxAutoPrepare = 32,
            AutoPrepareMinUsages = 3,
        };
        if (match.Groups["user"].Success)
            builder.Username = Part("user");
        if (match.Groups["password"].Success)
            builder.Password = Part("password");
        if (match.Groups["port"].Success)
            builder.Port = int.TryParse(match.Groups["port"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and < 65536 ? port
                : throw new CleaveException($"{Hide(text)}: has no valid port");
        foreach (string pair in match.Groups["query"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries))
            Option(builder, pair.Split('=', 2), Hide(text));
        return new PostgresUrl(builder.ConnectionString, Hide(text));
    }

    private static void Option(NpgsqlConnectionStringBuilder builder, string[] pair, string text)
    {
        string value = pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : "";
        switch (pair[0])
        {
            case "host": // a folder with the server's socket, say
                builder.Host = value;
                break;
            case "port" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and < 65536:
                builder.Port = port;
                break;
            case "sslmode" when Enum.TryParse(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out SslMode mode):
                builder.SslMode = mode;
                break;
            case "keepalives_idle" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds is > 0 and < 86_400:
                builder.KeepAlive = seconds;
                break;
            case "sslrootcert":
                builder.RootCertificate = value;
                break;
            default:
                throw new CleaveException($"{text}: '{pair[0]}' is not understood (host, port, sslmode, sslrootcert and keepalives_idle are)");
        }
    }

    /// <summary>The folder of the local server's socket, as libpq has it on Debian, else the local port.</summary>
    private static string DefaultHost() => Directory.Exists("/var/run/postgresql") ? "/var/run/postgresql" : "localhost";

    /// <summary>The address without what may be a password, whether or not it can be read: of what stands before the last @, only what stands before the first colon.</summary>
    internal static string Hide(string text)
    {
        int scheme = text.IndexOf("://", StringComparison.Ordinal), at = text.LastIndexOf('@');
        if (scheme < 0)
            return text;
        int start = scheme + 3;
        string user = at < start ? "" : text[start..at], rest = at < start ? text[start..] : text[at..];
        if (rest.Contains("password", StringComparison.OrdinalIgnoreCase))
            rest = rest.Split('?')[0];
        return text[..start] + user.Split(':')[0] + rest;
    }

    [GeneratedRegex(@"^postgres(ql)?://((?<user>[^:@/?]*)(:(?<password>[^@/?]*))?@)?(?<host>\[[^\]]+\]|[^@:/?]*)(:(?<port>\d+))?(/(?<database>[^?]*))?(\?(?<query>.*))?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
