using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using Cleave.Numerics;
using Cleave.Numerics.Distributed;

namespace Cleave.Cli.Shell;

/// <summary>One run of one command: its values, its streams, its cancellation.</summary>
internal sealed class Call(ParseResult parsed, Streams streams, CancellationToken cancel)
{
    private readonly ArrayBufferWriter<byte> _json = new(256);
    private Utf8JsonWriter? _writer;

    public CancellationToken Cancel { get; } = cancel;
    public TextReader In => streams.In;
    public TextWriter Out => streams.Out;

    public bool Json => Has(SharedOptions.Json) && parsed.GetValue(SharedOptions.Json);
    public bool Quiet => parsed.GetValue(SharedOptions.Quiet);
    public bool Verbose => parsed.GetValue(SharedOptions.Verbose);
    public bool Force => Has(SharedOptions.Force) && parsed.GetValue(SharedOptions.Force);
    public bool Resume => Has(SharedOptions.Resume) && parsed.GetValue(SharedOptions.Resume);
    public int? Threads => Has(SharedOptions.Threads) ? parsed.GetValue(SharedOptions.Threads) : null;
    public ulong Seed => parsed.GetValue(SharedOptions.Seed);

    /// <summary>The processes of this job, once it has joined them.</summary>
    public ICollective? Ranks { get; private set; }

    /// <summary>Joins the processes that a launcher has started; those that fail from here on end the job.</summary>
    /// <exception cref="CleaveException">They cannot find each other.</exception>
    public ICollective JoinRanks() => Ranks = JobLaunch.Join();

    /// <summary>Whether this run can be continued with <c>--resume</c>.</summary>
    public bool Resumable => Has(SharedOptions.Resume);

    public T Get<T>(Argument<T> argument) => parsed.GetValue(argument)!;
    public T Get<T>(Option<T> option) => parsed.GetValue(option)!;

    /// <summary>The value of an option that counts something.</summary>
    /// <exception cref="CleaveException">It is below 1.</exception>
    public int Positive(Option<int> option) => parsed.GetValue(option) is > 0 and int value ? value
        : throw new CleaveException($"{option.Name} {parsed.GetValue(option)} must be at least 1");

    /// <summary>Whether the option was written on the command line, not filled from its default.</summary>
    public bool Given(Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>The path of <c>--out</c>, refused where something is there already and <c>--force</c> was not given.</summary>
    /// <exception cref="CleaveException">No path, or something is there.</exception>
    public string OutPath()
    {
        string path = parsed.GetValue(SharedOptions.Out)
            ?? throw new CleaveException("--out is missing: say where the result goes");
        if (!Force && !Resume && (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())))
            throw new CleaveException($"{path}: exists already; choose another --out or give --force");
        return path;
    }

    /// <summary>A remark for people, on standard error; silent with <c>--quiet</c>.</summary>
    public void Say(string line)
    {
        if (!Quiet)
            streams.Error.WriteLine(line);
    }

    /// <summary>A detail for people, on standard error, with <c>--verbose</c> only.</summary>
    public void Detail(string line)
    {
        if (Verbose)
            streams.Error.WriteLine(line);
    }

    /// <summary>Where a long job reports; dispose it before printing results.</summary>
    public ProgressLine Progress() => new(streams, enabled: !Quiet, TimeProvider.System);

    /// <summary>Writes one JSON value and a line feed to standard output, and hands it over at once.</summary>
    public void WriteJson(Action<Utf8JsonWriter> write)
    {
        _json.ResetWrittenCount();
        _writer ??= new Utf8JsonWriter(_json, JsonStyle);
        _writer.Reset();
        write(_writer);
        _writer.Flush();
        _json.Write("\n"u8);
        streams.Out.Flush();
        streams.OutBytes.Write(_json.WrittenSpan);
        streams.OutBytes.Flush();
    }

    // Only what JSON demands is escaped: texts stay readable in every script.
    private static readonly JsonWriterOptions JsonStyle = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private bool Has(Option option)
    {
        for (Command? at = parsed.CommandResult.Command; at is not null; at = at.Parents.OfType<Command>().FirstOrDefault())
        {
            if (at.Options.Contains(option))
                return true;
        }
        return false;
    }
}
