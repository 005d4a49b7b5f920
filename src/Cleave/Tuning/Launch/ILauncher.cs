namespace Cleave.Tuning.Launch;

/// <summary>What is started so that a study has workers.</summary>
/// <param name="Study">The study's name.</param>
/// <param name="Count">How many workers.</param>
/// <param name="Program">The command line of one worker.</param>
/// <param name="Folder">Where the study's command runs.</param>
/// <param name="Out">Where scripts and logs go.</param>
public sealed record WorkerJob(string Study, int Count, IReadOnlyList<string> Program, string Folder, string Out);

/// <summary>Starts workers by means that are there already: the system, Slurm, Kubernetes. None restarts or moves a worker by itself.</summary>
public interface ILauncher
{
    /// <summary>What <see cref="Launch"/> would start, for people.</summary>
    string Preview { get; }

    /// <exception cref="CleaveException">It cannot be started.</exception>
    ILaunchedWorkers Launch();
}

/// <summary>Workers that were started.</summary>
public interface ILaunchedWorkers : IDisposable
{
    /// <summary>What they are called where they run, and how to end them by hand.</summary>
    string Description { get; }

    /// <summary>Where they say what went wrong.</summary>
    string Logs { get; }

    /// <summary>Whether one of them waits or runs.</summary>
    /// <exception cref="CleaveException">It cannot be asked.</exception>
    bool AnyLeft();
}

/// <summary>Launchers by the names that the command line uses.</summary>
public static class Launchers
{
    private const int DefaultCount = 4;

    /// <summary>Reads <c>local:8</c>, <c>slurm:16</c> or <c>kubernetes</c>.</summary>
    /// <exception cref="CleaveException">It is none of them.</exception>
    public static (string Kind, int Count) Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':', 2);
        int count = DefaultCount;
        return parts[0] is "local" or "slurm" or "kubernetes" && (parts.Length == 1 || (int.TryParse(parts[1], out count) && count is > 0 and <= 10_000)) ? (parts[0], count)
            : throw new CleaveException($"--launch {text}: is local:N, slurm:N or kubernetes:N, with N workers from 1 to 10000 ({DefaultCount} unless given)");
    }
}
