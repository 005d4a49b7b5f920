using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;

namespace Cleave.Tuning.Storage.Postgres;

/// <summary>The studies of a PostgreSQL database. Each opened one has a connection of its own.</summary>
internal sealed class PostgresCatalog(string address, StorageOptions options, string clock = PostgresStudyStorage.DatabaseClock) : IStudyCatalog
{
    private readonly PostgresUrl _url = PostgresUrl.Parse(address);

    public string Place => _url.Text;

    public IReadOnlyList<string> Names() => WithSession(session => session.Run((connection, _) =>
    {
        PostgresSchema.Prepare(connection, Place);
        using var command = new NpgsqlCommand("SELECT name FROM cleave_studies ORDER BY id", connection);
        using NpgsqlDataReader reader = command.ExecuteReader();
        var names = new List<string>();
        while (reader.Read())
            names.Add(reader.GetString(0));
        return names;
    }));

    public IStudyStorage Create(StudyDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        WithSession(session => session.Run((connection, _) =>
        {
            PostgresSchema.Prepare(connection, Place);
            using var command = new NpgsqlCommand("INSERT INTO cleave_studies (name, definition, lease) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", connection)
            {
                Parameters = { new() { Value = definition.Name }, new() { Value = definition.ToJson().ToJsonString() }, new() { Value = options.LeaseTime } },
            };
            return command.ExecuteNonQuery();
        }));
        return Open(definition.Name, definition);
    }

    public IStudyStorage Open(string name) => Open(name, null);

    public void Delete(string name) => WithSession(session => session.Run((connection, _) =>
    {
        PostgresSchema.Prepare(connection, Place);
        using var command = new NpgsqlCommand("WITH gone AS (DELETE FROM cleave_studies WHERE name = $1 RETURNING id) DELETE FROM cleave_trials WHERE study IN (SELECT id FROM gone)", connection)
        {
            Parameters = { new() { Value = name } },
        };
        return command.ExecuteNonQuery();
    }));

    public void Dispose()
    {
    }

    private PostgresStudyStorage Open(string name, StudyDefinition? asked)
    {
        var session = new PostgresSession(_url, options);
        try
        {
            (long id, string text, string? settings, TimeSpan lease) = session.Run((connection, _) =>
            {
                PostgresSchema.Prepare(connection, Place);
                return Find(connection, name);
            });
            StudyDefinition stored = Parse(name, text);
            stored.CheckSame($"{Place}: {name}", asked ?? stored);
            return new PostgresStudyStorage(session, id, stored, settings, lease, clock);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private (long Id, string Definition, string? Settings, TimeSpan Lease) Find(NpgsqlConnection connection, string name)
    {
        using var command = new NpgsqlCommand("SELECT id, definition, settings, lease FROM cleave_studies WHERE name = $1", connection) { Parameters = { new() { Value = name } } };
        using (NpgsqlDataReader reader = command.ExecuteReader())
        {
            if (reader.Read())
                return (reader.GetInt64(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2), reader.GetTimeSpan(3));
        }
        throw new CleaveException($"{Place}: has no study '{name}' (it has {(Names() is { Count: > 0 } names ? string.Join(", ", names) : "none")})");
    }

    private StudyDefinition Parse(string name, string text)
    {
        try
        {
            return StudyDefinition.FromJson(JsonNode.Parse(text));
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw new CleaveException($"{Place}: {name}: its definition cannot be read: {e.Message} (was it written by another version of cleave?)", e);
        }
    }

    private T WithSession<T>(Func<PostgresSession, T> work)
    {
        using var session = new PostgresSession(_url, options);
        return work(session);
    }
}
