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

    // Counted up when what is kept changes: other state is not continued.
    private const string Layout = "2";
    private readonly FileLock? _lock;

    private SplitWorkspace(string folder, string id, FileLock? held) => (Folder, Id, _lock) = (folder, id, held);

    public string Folder { get; }

    /// <summary>Of this state alone: a split that is started over has another one, whatever its project.</summary>
    public string Id { get; }

    public string Monolith => Path.Combine(Folder, "monolith");
    public string Checkpoint => Path.Combine(Folder, "monolith.checkpoint.safetensors");
    public string MonolithDone => Path.Combine(Folder, "monolith.done.json");
    public string Studies => Path.Combine(Folder, "studies-" + Id);
    public string Study(string task) => Path.Combine(Studies, task);

    /// <summary>Whether unfinished state of an output folder is there.</summary>
    public static bool Exists(string output) => File.Exists(Path.Combine(FolderOf(output), IdentityName));

    /// <summary>Where the processes of one machine share the studies of an output folder's split.</summary>
    public static string SharedStudies(string output) => Path.Combine(FolderOf(output), "shared");

    /// <summary>Opens the workspace of an output folder.</summary>
    /// <param name="fingerprint">Of everything that decides the result, see <see cref="Fingerprint"/>.</param>
    /// <param name="content">The same without what the machine adds, see <see cref="Content"/>.</param>
    /// <param name="resume">Continue what is there; else what is there must be nothing, or <paramref name="force"/> clears it.</param>
    /// <param name="shared">Whether several processes take the trials: what one began several do not continue, nor the other way round.</param>
    /// <exception cref="CleaveException">Another split is running, unfinished state is there, or the state is of another split.</exception>
    public static SplitWorkspace Open(string output, string fingerprint, string content, bool shared, bool resume, bool force)
    {
        string folder = FolderOf(output);
        FileLock held = FolderLock.Acquire(folder);
        try
        {
            string identity = Path.Combine(folder, IdentityName);
            bool exists = File.Exists(identity);
            if (exists && !resume && !force)
                throw new CleaveException($"{folder}: an unfinished split is there; continue it with --resume, or start over with --force");
            (string? theirs, _, string? id, bool wasShared) = exists ? Identity(identity) : default;
            if (resume && exists && theirs != fingerprint && !force)
                throw new CleaveException($"{folder}: the unfinished split there is of another project, data, base, thread count, instruction set or version of this program; start over with --force");
            if (resume && exists && wasShared != shared && !force)
                throw new CleaveException($"{folder}: the unfinished split there is of {(wasShared ? "several processes: continue it with --launch or --storage as before" : "one process: continue it without --launch and --storage")}, or start over with --force");
            if (exists && (!resume || theirs != fingerprint || wasShared != shared))
            {
                FolderLock.Clear(folder);
                id = null;
            }
            id ??= Guid.NewGuid().ToString("n")[..8];
            AtomicFile.WriteText(identity, new JsonObject { ["fingerprint"] = fingerprint, ["content"] = content, ["shared"] = shared, ["id"] = id }.ToJsonString() + "\n");
            return new SplitWorkspace(folder, id, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The state of a split that another process leads, to take trials of it.</summary>
    /// <exception cref="CleaveException">There is none, or it is of another project or other data.</exception>
    public static SplitWorkspace Join(string output, string content)
    {
        string folder = FolderOf(output), identity = Path.Combine(folder, IdentityName);
        if (!File.Exists(identity))
            throw new CleaveException($"{folder}: no split is under way there; start one with --storage or --launch, and give the same --out");
        (_, string? theirs, string? id, _) = Identity(identity);
        return theirs == content && id is not null ? new SplitWorkspace(folder, id, null)
            : throw new CleaveException($"{folder}: the split that is under way there is of another project, data or base; join with the files that it was started with");
    }

    /// <summary>Whether the state is still the one that was opened.</summary>
    public bool Stands()
    {
        string identity = Path.Combine(Folder, IdentityName);
        return File.Exists(identity) && Identity(identity).Id == Id;
    }

    private static (string? Fingerprint, string? Content, string? Id, bool Shared) Identity(string path)
    {
        try
        {
            JsonNode? json = JsonNode.Parse(File.ReadAllText(path));
            return ((string?)json?["fingerprint"], (string?)json?["content"], (string?)json?["id"], (bool?)json?["shared"] ?? false);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be read: {e.Message}; start over with --force", e);
        }
    }

    private static string FolderOf(string output) => Path.TrimEndingDirectorySeparator(output) + ".work";

    /// <summary>What decides a split: the project file, every data file, the base's weights.</summary>
    public static string Content(SplitProject project, SplitInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(project);
        ArgumentNullException.ThrowIfNull(inputs);
        return Hashing.Sha256(Encoding.UTF8.GetBytes(string.Join('\n', [Layout, Hashing.Sha256File(project.Path), inputs.BaseHash, .. inputs.DataHashes])));
    }

    /// <summary>The content with the threads and the instruction set.</summary>
    public static string Fingerprint(string content) => Hashing.Sha256(Encoding.UTF8.GetBytes($"{content}\n{ThreadTeam.Shared.Threads} {InstructionSets.Active}"));

    /// <summary>Removes the state: the release is there.</summary>
    public void Finish()
    {
        FolderLock.Clear(Folder);
        _lock?.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    public void Dispose() => _lock?.Dispose();
}
