using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;
using Cleave.Splitting.Projects;

namespace Cleave.Splitting;

/// <summary>
/// Where an unfinished split keeps its state: a folder beside the release, locked while a split runs. It remembers what it is
/// the state of, so that a changed project, data set or base starts over rather than mixing two splits.
/// </summary>
public sealed class SplitWorkspace : IDisposable
{
    private const string IdentityName = "split.json";
    private readonly FileLock _lock;

    private SplitWorkspace(string folder, FileLock held) => (Folder, _lock) = (folder, held);

    public string Folder { get; }
    public string Monolith => Path.Combine(Folder, "monolith");
    public string Checkpoint => Path.Combine(Folder, "monolith.checkpoint.safetensors");
    public string MonolithDone => Path.Combine(Folder, "monolith.done.json");
    public string Study(string task) => Path.Combine(Folder, "studies", task);

    /// <summary>Whether unfinished state of an output folder is there.</summary>
    public static bool Exists(string output) => File.Exists(Path.Combine(FolderOf(output), IdentityName));

    /// <summary>Opens the workspace of an output folder.</summary>
    /// <param name="fingerprint">Of everything that decides the result.</param>
    /// <param name="resume">Continue what is there; else what is there must be nothing, or <paramref name="force"/> clears it.</param>
    /// <exception cref="CleaveException">Another split is running, unfinished state is there, or the state is of another split.</exception>
    public static SplitWorkspace Open(string output, string fingerprint, bool resume, bool force)
    {
        string folder = FolderOf(output);
        FileLock held = FolderLock.Acquire(folder);
        try
        {
            string identity = Path.Combine(folder, IdentityName);
            bool exists = File.Exists(identity);
            if (exists && !resume && !force)
                throw new CleaveException($"{folder}: an unfinished split is there; continue it with --resume, or start over with --force");
            string? theirs = exists ? (string?)JsonNode.Parse(File.ReadAllText(identity))?["fingerprint"] : null;
            if (resume && exists && theirs != fingerprint && !force)
                throw new CleaveException($"{folder}: the unfinished split there is of another project, data, base, thread count or instruction set; start over with --force");
            if (exists && (!resume || theirs != fingerprint))
                Clear(folder);
            AtomicFile.WriteText(identity, new JsonObject { ["fingerprint"] = fingerprint }.ToJsonString() + "\n");
            return new SplitWorkspace(folder, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static string FolderOf(string output) => Path.TrimEndingDirectorySeparator(output) + ".work";

    /// <summary>What decides a split: the project file, every data file, the base's weights, the threads and the instruction set.</summary>
    public static string Fingerprint(SplitProject project, IEnumerable<string> dataHashes, string baseHash)
    {
        ArgumentNullException.ThrowIfNull(project);
        ArgumentNullException.ThrowIfNull(dataHashes);
        string all = string.Join('\n', [Hashing.Sha256File(project.Path), baseHash, $"{ThreadTeam.Shared.Threads} {InstructionSets.Active}", .. dataHashes]);
        return Hashing.Sha256(Encoding.UTF8.GetBytes(all));
    }

    /// <summary>Removes the state: the release is there.</summary>
    public void Finish()
    {
        Clear(Folder);
        _lock.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    public void Dispose() => _lock.Dispose();

    private static void Clear(string folder)
    {
        foreach (string directory in Directory.GetDirectories(folder))
            Directory.Delete(directory, recursive: true);
        foreach (string file in Directory.GetFiles(folder))
        {
            if (!Path.GetFileName(file).StartsWith(FolderLock.FileName, StringComparison.Ordinal))
                File.Delete(file);
        }
    }
}
