namespace Cleave.Formats.Durable;

/// <summary>Looks before it writes: asks for the space a job needs while nothing has been spent yet.</summary>
public static class DiskSpace
{
    /// <summary>The free bytes that this user may fill on the disk that holds <paramref name="folder"/> (or its nearest existing parent).</summary>
    public static long Free(string folder)
    {
        string? at = Path.GetFullPath(folder);
        while (at is not null && !Directory.Exists(at))
            at = Path.GetDirectoryName(at);
        return new DriveInfo(at ?? Path.GetPathRoot(Path.GetFullPath(folder))!).AvailableFreeSpace;
    }

    /// <exception cref="CapacityException">Fewer than <paramref name="bytes"/> bytes are free there.</exception>
    public static void Require(string folder, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long free = Free(folder);
        if (free < bytes)
        {
            throw new CapacityException($"{folder}: needs {Format(bytes)} of disk space and {Format(free)} are free " +
                "(free some, or choose another --out)");
        }
    }

    private static string Format(long bytes) => bytes switch
    {
        < 1_000_000 => FormattableString.Invariant($"{bytes} bytes"),
        < 1_000_000_000 => FormattableString.Invariant($"{bytes / 1e6:0.0} MB"),
        _ => FormattableString.Invariant($"{bytes / 1e9:0.0} GB"),
    };
}
