namespace Cleave;

/// <summary>Looks before it allocates: large needs are compared with what there is before any work is spent.</summary>
public static class MemoryPlan
{
    /// <summary>Bytes that this process can still take without the system having to swap or to kill.</summary>
    public static long Available()
    {
        // The collector knows the container's limit; the system knows what others have taken.
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet;
        return Math.Max(0, Math.Min(limit, SystemAvailable() ?? limit));
    }

    /// <exception cref="CapacityException">Fewer than <paramref name="bytes"/> bytes are available.</exception>
    /// <param name="what">Who needs it.</param>
    /// <param name="remedy">What to do about it.</param>
    public static void Require(long bytes, string what, string remedy)
    {
        long available = Available();
        if (bytes > available)
            throw new CapacityException($"{what} needs {ByteSize.Text(bytes)} of memory and {ByteSize.Text(available)} are available; {remedy}");
    }

    private static long? SystemAvailable()
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/meminfo"))
            {
                if (line.StartsWith("MemAvailable:", StringComparison.Ordinal)
                    && long.TryParse(line.AsSpan(13).Trim().TrimEnd("kB").Trim(), out long kibibytes))
                    return kibibytes * 1024;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // not Linux, or not allowed: the collector's figure has to do
        }
        return null;
    }
}
