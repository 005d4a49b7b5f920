using System.Globalization;

namespace Cleave.Server;

/// <summary>How many files and connections this process may have open.</summary>
internal static class OpenFiles
{
    /// <summary>Unless somebody asks for another number.</summary>
    public const int UsualConnections = 16_384;

    /// <summary>What a server opens besides connections: files of the program, of releases that are loaded, logs.</summary>
    public const int Others = 512;

    private const string Limits = "/proc/self/limits";

    /// <summary>The operating system's limit; .NET has raised it as far as it may. Null where there is none, or nobody says.</summary>
    public static long? Limit()
    {
        try
        {
            return File.Exists(Limits) ? Read(File.ReadLines(Limits)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The connections that a server takes.</summary>
    /// <param name="asked">Null for as many as usual, or as there is room for.</param>
    /// <exception cref="CleaveException">More are asked for than there is room for.</exception>
    public static int Connections(int? asked, long? limit)
    {
        if (limit is not { } most)
            return asked ?? UsualConnections;
        long room = Math.Max(1, most - Others);
        return asked is null ? (int)Math.Min(UsualConnections, room)
            : asked <= room ? asked.Value
            : throw new CleaveException($"{asked} connections need {asked + Others} open files, but this process may have {most}; raise that with ulimit -n, or LimitNOFILE= of a service");
    }

    /// <summary>The limit in force, as Linux writes limits: name, soft, hard, unit.</summary>
    internal static long? Read(IEnumerable<string> lines)
    {
        string? line = lines.FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        return line is not null && line["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, ..]
            && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long limit) ? limit : null;
    }
}
