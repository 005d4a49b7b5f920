using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Durable;

namespace Cleave.Splitting;

/// <summary>
/// What a split takes, piece by piece. It is kept in a journal beside the unfinished state, so that what earlier runs of the same split have taken
/// counts too (what was killed in the middle of a piece does not), and is never part of anything that is hashed.
/// </summary>
public sealed class EnergyLedger
{
    public const string FileName = "energy.journal";

    private const string WorkerPattern = "energy-*.journal";

    private static readonly JournalOptions Options = new("energy", FlushEachAppend: false);
    private readonly string _path;
    private readonly EnergyMeter _meter;
    private readonly EnergyReading _start;
    private readonly List<(string Piece, EnergyUse Use)> _pieces = [];
    private EnergyUse _earlier;
    private EnergyUse _thisRun = EnergyUse.Sum([]), _inside = EnergyUse.Sum([]);

    /// <param name="folder">The split's workspace.</param>
    /// <param name="start">When this run began; what lies before the first piece belongs to the whole.</param>
    /// <param name="worker">The name of a process that takes trials of a split that another one leads; it has a journal of its own.</param>
    public EnergyLedger(string folder, EnergyMeter meter, EnergyReading start, string? worker = null)
    {
        (_path, _meter, _start) = (Path.Combine(folder, worker is null ? FileName : WorkerPattern.Replace("*", Uri.EscapeDataString(worker), StringComparison.Ordinal)), meter, start);
        if (File.Exists(_path))
            Read(_path);
        _earlier = EnergyUse.Sum(_pieces.Select(p => p.Use));
    }

    /// <summary>Adds what the workers' journals hold, once they have all ended.</summary>
    public void AddWorkers()
    {
        int own = _pieces.Count;
        foreach (string journal in Directory.EnumerateFiles(Path.GetDirectoryName(_path)!, WorkerPattern).Order(StringComparer.Ordinal))
            Read(journal);
        _earlier = EnergyUse.Sum([_earlier, .. _pieces.Skip(own).Select(p => p.Use)]);
    }

    /// <summary>The piece of a task's trial.</summary>
    public static string Trial(string task, int number) => string.Create(CultureInfo.InvariantCulture, $"{task}/trials/{number}");

    /// <summary>Does the work and notes what it took, also where it is interrupted; a piece inside of a piece is counted once, as its own.</summary>
    public T Measure<T>(string piece, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        EnergyUse outside = _inside;
        _inside = EnergyUse.Sum([]);
        EnergyReading start = _meter.Read();
        try
        {
            return work();
        }
        finally
        {
            EnergyUse all = _meter.Since(start);
            Note(piece, all.Without(_inside));
            _inside = EnergyUse.Sum([outside, all]);
        }
    }

    /// <summary>Everything of a task: its search, and its certificate.</summary>
    public EnergyUse OfTask(string task) => EnergyUse.Sum(_pieces.Where(p => p.Piece == task || p.Piece.StartsWith(task + "/", StringComparison.Ordinal)).Select(p => p.Use));

    /// <summary>A trial, every attempt at it together; null where nothing was noted.</summary>
    public EnergyUse? OfTrial(string task, int number)
    {
        EnergyUse[] attempts = [.. _pieces.Where(p => p.Piece == Trial(task, number)).Select(p => p.Use)];
        return attempts.Length == 0 ? null : EnergyUse.Sum(attempts);
    }

    /// <summary>Of the whole split until now, earlier runs included.</summary>
    public EnergyUse Total() => EnergyUse.Sum([_earlier, _meter.Since(_start)]);

    /// <summary>Keeps what this run has taken outside of its pieces, for the run that continues it.</summary>
    public void Interrupted() => Note("rest", _meter.Since(_start).Without(_thisRun));

    private void Read(string journal) => Journal.Read(journal, Options, record => _pieces.Add(Parse(record)));

    private void Note(string piece, EnergyUse use)
    {
        _pieces.Add((piece, use));
        _thisRun = EnergyUse.Sum([_thisRun, use]);
        using Journal journal = Journal.Open(_path, Options, static _ => { });
        var record = new JsonObject
        {
            ["piece"] = piece,
            ["joules"] = use.Joules,
            ["uncertainty"] = use.Uncertainty,
            ["measured"] = use.Measured,
            ["core_seconds"] = use.CoreSeconds,
        };
        journal.Append(Encoding.UTF8.GetBytes(record.ToJsonString()));
    }

    private static (string, EnergyUse) Parse(ReadOnlyMemory<byte> record)
    {
        using JsonDocument json = JsonDocument.Parse(record);
        JsonElement root = json.RootElement;
        return (root.GetProperty("piece").GetString()!, new EnergyUse(root.GetProperty("joules").GetDouble(), root.GetProperty("uncertainty").GetDouble(),
            root.GetProperty("measured").GetBoolean(), root.GetProperty("core_seconds").GetDouble()));
    }
}
