using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Training;

/// <summary>
/// The folder beside an output in which an unfinished run keeps its state, locked while the run goes on. It goes when the run is finished, or
/// when there is nothing in it to continue from. A run of one model keeps a checkpoint, which says itself what it is of; one of several models keeps
/// an identity beside them.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>What a checkpoint is called.</summary>
    public const string CheckpointName = "checkpoint.safetensors";

    private const string IdentityName = "run.json", Identities = "*.json";

    private readonly FileLock _held;
    private readonly bool _several;
    private bool _finished;

    /// <param name="output">Where the result will be.</param>
    /// <param name="resume">Continue the state that is there.</param>
    /// <param name="force">Start over where there is one.</param>
    /// <param name="identity">Of everything that decides several models that are trained one after the other; null for a run of one model.</param>
    /// <exception cref="CleaveException">Another process holds it, there is a state and neither was said, or the state is of another run.</exception>
    public RunFolder(string output, bool resume, bool force, string? identity = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        Path = PathOf(output);
        _held = FolderLock.Acquire(Path);
        string file = System.IO.Path.Combine(Path, IdentityName), own = new JsonObject { ["fingerprint"] = identity }.ToJsonString() + "\n";
        bool unfinished = States().Any();
        bool continues = resume && (identity is null ? !Directory.EnumerateFiles(Path, Identities).Any() : File.Exists(file) && File.ReadAllText(file) == own);
        string? problem = force || continues && unfinished ? null
            : unfinished && !resume ? $"{Path}: an unfinished run is there; continue it with --resume, or start over with --force"
            : unfinished ? $"{Path}: the unfinished run there is {(identity is null ? "of several models, and this one is of one" : "of one model alone, or of another ensemble, seed, base, data or settings")}; continue it as it was begun, or start over with --force"
            : Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any()
            ? $"{output}: exists already, and no unfinished run is there to resume; choose another --out or give --force" : null;
        if (problem is not null)
        {
            Dispose();
            throw new CleaveException(problem);
        }
        if (unfinished && !continues)
            FolderLock.Clear(Path);
        if (identity is null)
            return;
        AtomicFile.WriteText(file, own);
        _several = true;
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
        if (_finished || !States().Any() || _several && !Directory.EnumerateDirectories(Path).Any(HasFiles))
            Directory.Delete(Path, recursive: true);
    }

    // Models that are trained on the way have folders of their own in it; whatever else is a state has a file beside it that says of what.
    private IEnumerable<string> States() => Directory.EnumerateFiles(Path, CheckpointName, SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(Path, Identities));

    private static bool HasFiles(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any();
}
