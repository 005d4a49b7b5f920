using System.Globalization;
using Npgsql;

namespace Cleave.Tuning.Storage.Postgres;

/// <summary>The tables, and the statements that move trials. A statement is a transaction; what it refuses, it refuses by finding no row.</summary>
/// <remarks>
/// A trial's <c>token</c> fences: it is drawn anew by each who starts the trial, and every write names it. <c>changed</c> is the
/// transaction that last touched the row: a reader who asks for all that is not older than the oldest transaction that was
/// under way when it last read misses nothing, whatever the order of commits, and nobody waits for anybody.
/// </remarks>
internal static class PostgresSchema
{
    private const int Version = 1;

    /// <summary>Keeps two programs from making the tables at once.</summary>
    private const long MakingLock = 0x636c65617665;

    private const string Tables = """
        CREATE TABLE IF NOT EXISTS cleave_schema (version int NOT NULL);
        CREATE TABLE IF NOT EXISTS cleave_studies (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          name text NOT NULL UNIQUE,
          definition text NOT NULL,
          settings text,
          lease interval NOT NULL,
          trials int NOT NULL DEFAULT 0,
          created timestamptz NOT NULL DEFAULT now());
        CREATE TABLE IF NOT EXISTS cleave_trials (
          study bigint NOT NULL,
          number int NOT NULL,
          state text NOT NULL CHECK (state IN ('waiting', 'running', 'complete', 'stopped', 'failed', 'paused')),
          params text,
          attempt int NOT NULL DEFAULT 0,
          losses int NOT NULL DEFAULT 0,
          worker text,
          token bigint,
          expires timestamptz,
          checkpoint text,
          kept int NOT NULL DEFAULT 0,
          steps int[] NOT NULL DEFAULT '{}',
          step_values float8[] NOT NULL DEFAULT '{}',
          result float8[] NOT NULL DEFAULT '{}',
          constraints float8[] NOT NULL DEFAULT '{}',
          note text,
          artifacts text[] NOT NULL DEFAULT '{}',
          changed xid8 NOT NULL DEFAULT pg_current_xact_id(),
          PRIMARY KEY (study, number));
        CREATE INDEX IF NOT EXISTS cleave_trials_changed ON cleave_trials (study, changed);
        CREATE INDEX IF NOT EXISTS cleave_trials_open ON cleave_trials (study, number) WHERE state IN ('waiting', 'running');
        INSERT INTO cleave_schema SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM cleave_schema);
        """;

    /// <summary>A trial as <see cref="TrialRow"/> reads it.</summary>
    public const string Columns = "number, state, params, attempt, losses, worker, token, checkpoint, kept, steps, step_values, result, constraints, note, artifacts";

    /// <summary>$1 study, $2 the oldest transaction of interest. A row of nulls where nothing is new; no row where the study is gone.</summary>
    public const string Changes = $"""
        SELECT pg_snapshot_xmin(pg_current_snapshot()), {Columns}
        FROM cleave_studies s LEFT JOIN cleave_trials t ON t.study = s.id AND t.changed >= $2
        WHERE s.id = $1 ORDER BY number
        """;

    private const string Changed = "changed = pg_current_xact_id()";

    /// <summary>
    /// In what a statement returns: its transaction need not be on the disk before it is answered, because forgetting it costs nothing. A claim
    /// comes to the disk with the parameters that follow it, and its lock on the study, for which others wait, lasts no flush.
    /// </summary>
    private const string Quick = "set_config('synchronous_commit', 'off', true)";

    /// <summary>A value alone is made again where its trial is; a checkpoint is what it would be made from.</summary>
    private const string QuickUnlessCheckpoint = "set_config('synchronous_commit', CASE WHEN $6 IS NULL THEN 'off' ELSE current_setting('synchronous_commit') END, true)";

    /// <summary>$1 study, $2 limit, $3 worker, $4 token, $5 the most losses, $6 what is noted then.</summary>
    public static string Claim(string clock) => $"""
        WITH open AS (
          SELECT number, state = 'running' AS lost FROM cleave_trials
          WHERE study = $1 AND state IN ('waiting', 'running') AND (state = 'waiting' OR expires < {clock})
          ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED),
        taken AS (
          UPDATE cleave_trials t SET
            state = CASE WHEN open.lost AND t.losses + 1 >= $5 AND t.params IS NOT NULL THEN 'failed' ELSE 'running' END,
            note = CASE WHEN open.lost AND t.losses + 1 >= $5 AND t.params IS NOT NULL THEN $6 ELSE t.note END,
            losses = t.losses + open.lost::int, attempt = t.attempt + 1, worker = $3, token = $4,
            steps = t.steps[1:t.kept], step_values = t.step_values[1:t.kept], {Until(clock)}, {Changed}
          FROM open WHERE t.study = $1 AND t.number = open.number
          RETURNING t.*),
        next AS (
          UPDATE cleave_studies SET trials = trials + 1 WHERE id = $1 AND trials < $2 AND NOT EXISTS (SELECT 1 FROM open)
          RETURNING trials - 1 AS number, lease),
        made AS (
          INSERT INTO cleave_trials (study, number, state, attempt, worker, token, expires)
          SELECT $1, number, 'running', 1, $3, $4, {clock} + lease FROM next
          RETURNING *)
        SELECT {Columns}, {Quick} FROM (SELECT * FROM taken UNION ALL SELECT * FROM made) claimed
        """;

    /// <summary>$1 study, $2 number, $3 worker, $4 token.</summary>
    public static string Resume(string clock) => $"""
        UPDATE cleave_trials SET state = 'running', attempt = attempt + 1, worker = $3, token = $4,
          steps = steps[1:kept], step_values = step_values[1:kept], {Until(clock)}, {Changed}
        WHERE study = $1 AND number = $2 AND state = 'paused' RETURNING {Columns}
        """;

    /// <summary>$1 study, $2 params, $3 token, by which a repeated statement is known.</summary>
    public const string Enqueue = $"""
        WITH next AS (
          UPDATE cleave_studies SET trials = trials + 1 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM cleave_trials WHERE study = $1 AND token = $3)
          RETURNING trials - 1 AS number)
        INSERT INTO cleave_trials (study, number, state, params, token) SELECT $1, number, 'waiting', $2, $3 FROM next RETURNING {Columns}
        """;

    /// <summary>$1 study, $2 number, $3 token, $4 params. On the disk before the work begins, and the claim with it, so that a number is not given twice.</summary>
    public static string SetParameters { get; } = Held("params = $4", "params IS NULL");

    /// <summary>$4 step, $5 value, $6 checkpoint or null.</summary>
    public static string Report(string clock) => Held($"""
        steps = steps || $4::int, step_values = step_values || $5::float8, checkpoint = coalesce($6, checkpoint),
        kept = CASE WHEN $6 IS NULL THEN kept ELSE cardinality(steps) + 1 END, {Until(clock)}
        """, "coalesce(steps[cardinality(steps)], -1) < $4", QuickUnlessCheckpoint);

    /// <summary>Nothing that a reader would want to know.</summary>
    public static string Renew(string clock) =>
        $"UPDATE cleave_trials SET {Until(clock)} WHERE study = $1 AND number = $2 AND token = $3 AND state = 'running' RETURNING {Columns}, {Quick}";

    /// <summary>$4 names, added unless they are the last ones already.</summary>
    public static string Attach { get; } = Held("""
        artifacts = CASE WHEN coalesce(artifacts[cardinality(artifacts) - cardinality($4::text[]) + 1:] = $4::text[], false) THEN artifacts ELSE artifacts || $4::text[] END
        """, "true");

    public static string Pause { get; } = Held("state = 'paused'", "checkpoint IS NOT NULL");

    /// <summary>$4 state, $5 values, $6 constraints, $7 note.</summary>
    public static string Finish { get; } = Held("state = $4, result = $5, constraints = $6, note = $7", "params IS NOT NULL");

    public static string Release { get; } = Held("state = 'waiting', steps = steps[1:kept], step_values = step_values[1:kept]", "true");

    /// <summary>Makes the tables where there are none, and looks whose they are.</summary>
    /// <exception cref="CleaveException">They are a newer program's.</exception>
    public static void Prepare(NpgsqlConnection connection, string place)
    {
        using (var look = new NpgsqlCommand("SELECT to_regclass('cleave_schema') IS NOT NULL", connection))
        {
            if (!(bool)look.ExecuteScalar()!)
            {
                using NpgsqlTransaction transaction = connection.BeginTransaction();
                using var make = new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock({MakingLock}); {Tables}"), connection, transaction);
                make.ExecuteNonQuery();
                transaction.Commit();
            }
        }
        using var version = new NpgsqlCommand("SELECT max(version) FROM cleave_schema", connection);
        if (version.ExecuteScalar() is not int found || found != Version)
            throw new CleaveException($"{place}: its tables are of another version of cleave ({version.ExecuteScalar()}, this one knows {Version}): use that version, or another database");
    }

    private static string Until(string clock) => $"expires = {clock} + (SELECT lease FROM cleave_studies WHERE id = $1)";

    private static string Held(string set, string where, string durability = "NULL") => $"""
        UPDATE cleave_trials SET {set}, {Changed}
        WHERE study = $1 AND number = $2 AND token = $3 AND state = 'running' AND {where} RETURNING {Columns}, {durability}
        """;
}
