using Cleave.Formats.Durable;

namespace Cleave.Training;

/// <summary>
/// The folder beside an output in which an unfinished run keeps its state, locked while the run goes on. It goes when the run is finished, or
/// when there is nothing in it to continue from.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>What a checkpoint is called.</summary>
    public const string CheckpointName = "checkpoint.safetensors";

    private readonly FileLock _held;
    private bool _finished;

    /// <param name="output">Where the result will be.</param>
    /// <param name="resume">Continue the state that is there.</param>
    /// <param name="force">Start over where there is one.</param>
    /// <exception cref="CleaveException">Another process holds it, or there is a state and neither was said.</exception>
    public RunFolder(string output, bool resume, bool force)
    {
        ArgumentNullException.ThrowIfNull(output);
        Path = PathOf(output);
        _held = FolderLock.Acquire(Path);
        bool unfinished = States().Any();
        string? problem = unfinished ? !resume && !force ? $"{Path}: an unfinished run is there; continue it with --resume, or start over with --force" : null
            : !force && Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any()
            ? $"{output}: exists already, and no unfinished run is there to resume; choose another --out or give --force" : null;
        if (problem is not null)
        {
            Dispose();
            throw new CleaveException(problem);
        }
        foreach (string state in resume ? [] : States().ToArray())
            File.Delete(state);
    }

    public string Path { get; }

    /// <summary>Where it is for an output.</summary>
    public static string PathOf(string output) => System.IO.Path.TrimEndingDirectorySeparator(output) + ".work";

    /// <summary>Where trainers keep their state in it.</summary>
    public string CheckpointPath => CheckpointIn(Path);

    /// <summary>The same for any folder.</summary>
    public static string CheckpointIn(string folder) => System.IO.Path.Combine(folder, CheckpointName);

    /// <summary>The result is in its place.</summary>
    public void Finish() => _finished = true;

    public void Dispose()
    {
        _held.Dispose();
        if (_finished || !States().Any())
            Directory.Delete(Path, recursive: true);
    }

    // Models that are trained on the way have folders of their own in it.
    private IEnumerable<string> States() => Directory.EnumerateFiles(Path, CheckpointName, SearchOption.AllDirectories);
}
