namespace Cleave.Numerics.Threading;

/// <summary>What the machine has to run threads on.</summary>
internal static class Processors
{
    /// <summary>
    /// Physical processors that this process may use. Two hardware threads of one core share its multiply-add
    /// units, so a second one only adds contention to kernels that keep them full.
    /// </summary>
    /// <param name="processes">How many of the job are on this machine; those that no launcher has bound to processors of their own share all of them.</param>
    public static int Physical(int processes = 1)
    {
        int allowed = Environment.ProcessorCount; // respects affinity and container limits
        int cores = CoresFromTopology("/sys/devices/system/cpu");
        return Share(allowed, cores > 0 ? cores : allowed, processes);
    }

    internal static int Share(int allowed, int cores, int processes)
    {
        bool bound = processes > 1 && allowed * processes <= cores;
        return bound ? allowed : Math.Max(1, Math.Min(allowed, cores) / processes);
    }

    private static int CoresFromTopology(string folder)
    {
        var cores = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            for (int cpu = 0; ; cpu++)
            {
                string siblings = Path.Combine(folder, $"cpu{cpu}", "topology", "thread_siblings_list");
                if (!File.Exists(siblings))
                    return cores.Count;
                cores.Add(File.ReadAllText(siblings).Trim());
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0; // not readable here: the caller falls back on what the runtime reports
        }
    }
}
