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

    /// <param name="remedy">What to do about it.</param>
    /// <exception cref="CapacityException">Fewer than <paramref name="bytes"/> bytes are free there.</exception>
    public static void Require(string folder, long bytes, string remedy = "free some, or choose another --out")
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long free = Free(folder);
        if (free < bytes)
        {
            throw new CapacityException($"{folder}: needs {ByteSize.Text(bytes)} of disk space and {ByteSize.Text(free)} are free ({remedy})");
        }
    }
}
