using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;

namespace Cleave.Hub;

/// <summary>
/// The cache of Hugging Face's own library, shared with it: <c>models--OWNER--NAME/blobs/HASH</c> holds content,
/// <c>snapshots/COMMIT/PATH</c> links to it, <c>refs/REVISION</c> names a commit, <c>.no_exist/COMMIT/PATH</c> marks
/// a file that the repository does not have.
/// </summary>
public sealed class HubCache(string root)
{
    public string Root => root;

    public static HubCache FromEnvironment() => new(HubSettings.FromEnvironment().Cache);

    /// <summary>A repository's folder.</summary>
    public string Folder(string repository) => Path.Combine(root, FolderName(repository));

    public string Blob(string repository, BlobHash hash) => Path.Combine(Folder(repository), "blobs", hash.Hex);

    /// <summary>The folder that holds a commit's files under their names.</summary>
    public string Snapshot(string repository, string commit) => Path.Combine(Folder(repository), "snapshots", commit);

    internal string LockFile(string repository, BlobHash hash) => Path.Combine(root, ".locks", FolderName(repository), hash.Hex + ".lock");

    /// <summary>The folder or file of a model that has been fetched.</summary>
    /// <param name="weights">Whether the weights have to be there too.</param>
    /// <exception cref="HubException">It is not, or not all of it; the message says which command fetches it.</exception>
    public string Find(HubReference reference, bool weights = true)
    {
        ArgumentNullException.ThrowIfNull(reference);
        string remedy = $"fetch it with: cleave pull {reference}";
        if (Commit(reference) is not { } commit || Snapshot(reference.Repository, commit) is var snapshot && !Directory.Exists(snapshot))
            throw new HubException($"{reference}: not in the cache {root}; {remedy}");
        if (reference.File is { } file)
        {
            string path = SafePath.Join(snapshot, file);
            return File.Exists(path) ? path : throw new HubException(IsMarkedMissing(reference.Repository, commit, file)
                ? $"{reference}: the model has no such file (at commit {commit})"
                : $"{reference}: not in the cache {root}; {remedy}");
        }
        if (weights && MissingWeights(snapshot) is { } missing)
            throw new HubException($"{reference}: only a part of it is in the cache ({missing} is missing from {snapshot}); {remedy}");
        return snapshot;
    }

    /// <summary>The commit that a revision meant when it was last fetched, or null.</summary>
    public string? Commit(HubReference reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (reference.IsPinned)
            return reference.Revision;
        string path = RefFile(reference);
        try
        {
            string? commit = File.Exists(path) ? File.ReadAllText(path).Trim() : null;
            return HubReference.IsCommit(commit) ? commit : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Whether a commit's file is there, whole, under its name.</summary>
    public bool Has(HubListing listing, HubFile file)
    {
        ArgumentNullException.ThrowIfNull(listing);
        ArgumentNullException.ThrowIfNull(file);
        var link = new FileInfo(SafePath.Join(Snapshot(listing.Repository, listing.Commit), file.Path));
        return link.Exists && (link.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target : link) is { Exists: true } content
            && content.Length == file.Bytes;
    }

    public bool HasBlob(HubListing listing, HubFile file) =>
        new FileInfo(Blob(listing.Repository, file.Hash)) is { Exists: true } blob && blob.Length == file.Bytes;

    /// <summary>Gives a blob its name in a commit: a relative link, or a copy where the system has no links.</summary>
    public void Link(HubListing listing, HubFile file)
    {
        ArgumentNullException.ThrowIfNull(listing);
        ArgumentNullException.ThrowIfNull(file);
        string name = SafePath.Join(Snapshot(listing.Repository, listing.Commit), file.Path), blob = Blob(listing.Repository, file.Hash);
        string folder = Path.GetDirectoryName(name)!, temporary = Path.Combine(folder, $".{Guid.NewGuid():N}{AtomicFile.TemporarySuffix}");
        Directory.CreateDirectory(folder);
        try
        {
            File.CreateSymbolicLink(temporary, Path.GetRelativePath(folder, blob));
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is IOException or UnauthorizedAccessException)
        {
            File.Copy(blob, temporary);
        }
        File.Move(temporary, name, overwrite: true);
    }

    /// <summary>Notes which commit a revision means; a commit needs no note.</summary>
    public void SetRef(HubReference reference, string commit)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (!reference.IsPinned && Commit(reference) != commit)
            AtomicFile.WriteText(RefFile(reference), commit);
    }

    /// <summary>Notes that a commit has no such file, so that programs without a network know it too.</summary>
    public void MarkMissing(HubListing listing, string file)
    {
        ArgumentNullException.ThrowIfNull(listing);
        string path = SafePath.Join(MissingFolder(listing.Repository, listing.Commit), file);
        if (!File.Exists(path))
            AtomicFile.WriteText(path, "");
    }

    private bool IsMarkedMissing(string repository, string commit, string file) => File.Exists(SafePath.Join(MissingFolder(repository, commit), file));

    private string MissingFolder(string repository, string commit) => Path.Combine(Folder(repository), ".no_exist", commit);

    private string RefFile(HubReference reference) => SafePath.Join(Path.Combine(Folder(reference.Repository), "refs"), reference.Revision);

    private static string FolderName(string repository) => "models--" + repository.Replace("/", "--", StringComparison.Ordinal);

    // A fetch that was interrupted leaves a folder with some of the files.
    private static string? MissingWeights(string snapshot)
    {
        string index = Path.Combine(snapshot, SafetensorsSet.IndexFile);
        if (!File.Exists(index))
            return Directory.EnumerateFiles(snapshot).Any(f => Path.GetExtension(f) is ".safetensors" or ".gguf") ? null : SafetensorsSet.SingleFile;
        return JsonFile.Load(index)["weight_map"].Members().Select(m => m.Value.Text()).Distinct()
            .FirstOrDefault(shard => SafePath.IsSafe(shard) && !File.Exists(SafePath.Join(snapshot, shard)));
    }
}
