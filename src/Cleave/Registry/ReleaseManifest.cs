using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Registry;

/// <summary>One file of a release.</summary>
/// <param name="Path">Relative to the release's folder, with forward slashes.</param>
public sealed record ReleaseEntry(string Path, long Bytes, string Sha256);

/// <summary>
/// The list of a release's files with their hashes, <c>release.json</c>; its own hash names the release. The same
/// project, seed, thread count and instruction set give the same manifest, byte for byte.
/// </summary>
/// <remarks>Files that hold measured times, dates or host names are listed in <see cref="Measured"/>: they must be there, but are not hashed.</remarks>
public sealed class ReleaseManifest
{
    public const string FileName = "release.json";
    private const int Format = 1;
    private const int MaxBytes = 64 << 20;

    /// <exception cref="ArgumentException">A path is not a plain relative one, or comes twice.</exception>
    public ReleaseManifest(string name, string version, ulong seed, IEnumerable<ReleaseEntry> entries, IEnumerable<string>? measured = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(version);
        (Name, Version, Seed) = (name, version, seed);
        Entries = [.. entries.OrderBy(e => e.Path, StringComparer.Ordinal)];
        Measured = [.. (measured ?? []).Order(StringComparer.Ordinal)];
        string[] paths = [.. Entries.Select(e => e.Path), .. Measured];
        if (Array.Find(paths, p => !IsPlain(p)) is { } strange)
            throw new ArgumentException($"'{strange}' is not a relative path inside the release", nameof(entries));
        if (paths.Distinct(StringComparer.Ordinal).Count() != paths.Length)
            throw new ArgumentException("a file is listed twice", nameof(entries));
        if (Entries.FirstOrDefault(e => e.Bytes < 0 || !Hashing.IsSha256(e.Sha256)) is { } wrong)
            throw new ArgumentException($"'{wrong.Path}' has no proper size and hash", nameof(entries));
        Hash = Hashing.Sha256(Body());
    }

    public string Name { get; }

    public string Version { get; }

    public ulong Seed { get; }

    /// <summary>By path, ordinal.</summary>
    public IReadOnlyList<ReleaseEntry> Entries { get; }

    /// <summary>By path, ordinal.</summary>
    public IReadOnlyList<string> Measured { get; }

    /// <summary>SHA-256 of the canonical JSON of all the rest.</summary>
    public string Hash { get; }

    /// <summary>Lists and hashes everything in a folder.</summary>
    /// <param name="measured">Relative paths of the files that are not to be hashed, whether they are there yet or not.</param>
    /// <exception cref="CleaveException">A file cannot be read, or is a link.</exception>
    public static ReleaseManifest Of(string folder, string name, string version, ulong seed, IReadOnlyList<string>? measured = null)
    {
        measured ??= [];
        return new ReleaseManifest(name, version, seed, FilesIn(folder).Except(measured).Select(f => EntryOf(folder, f)), measured);
    }

    /// <summary>Writes the manifest into the folder: the last file of a release.</summary>
    /// <exception cref="CleaveException">The folder cannot be written.</exception>
    public void Write(string folder)
    {
        JsonObject document = Body();
        document["hash"] = Hash;
        AtomicFile.WriteText(Path.Combine(folder, FileName), document.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    /// <exception cref="CleaveException">There is none, or it is not a manifest, or its hash is not that of its content.</exception>
    public static ReleaseManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes })
                throw new FormatException("it is too long");
            JsonObject json = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
            if (json["format"]!.GetValue<int>() is > Format or < 1)
                throw new FormatException("it was written by a newer program");
            var manifest = new ReleaseManifest(json["name"]!.GetValue<string>(), json["version"]!.GetValue<string>(), json["seed"]!.GetValue<ulong>(),
                json["files"]!.AsArray().Select(f =>
                    new ReleaseEntry(f!["path"]!.GetValue<string>(), f["bytes"]!.GetValue<long>(), f["sha256"]!.GetValue<string>())),
                json["measured"]!.AsArray().Select(f => f!.GetValue<string>()));
            return manifest.Hash == json["hash"]!.GetValue<string>() ? manifest : throw new FormatException("its hash is not that of its content");
        }
        catch (FileNotFoundException e)
        {
            throw new CleaveException($"{folder}: is not a release: it has no {FileName} (split the project first)", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException or InvalidOperationException or NullReferenceException)
        {
            throw new CleaveException($"{path}: is not a release's manifest: {e.Message} (restore it from a copy)", e);
        }
    }

    /// <summary>Compares a folder with its manifest, file by file in the order of their paths.</summary>
    /// <returns>The manifest.</returns>
    /// <exception cref="CleaveException">The first file that is changed, missing or too many, by name.</exception>
    public static ReleaseManifest Verify(string folder)
    {
        ReleaseManifest manifest = Read(folder);
        var listed = manifest.Entries.ToDictionary(e => e.Path, StringComparer.Ordinal);
        string[] present = FilesIn(folder);
        foreach (string path in present.Union(listed.Keys).Union(manifest.Measured).Order(StringComparer.Ordinal))
        {
            bool isThere = present.Contains(path, StringComparer.Ordinal);
            if (!isThere)
                throw Missing(folder, path);
            if (!listed.TryGetValue(path, out ReleaseEntry? entry))
            {
                if (!manifest.Measured.Contains(path))
                    throw new CleaveException($"{folder}: {path} does not belong to the release (move it elsewhere)");
                continue;
            }
            Check(folder, entry);
        }
        return manifest;
    }

    /// <summary>Compares the files of a folder inside of the release once more.</summary>
    /// <param name="under">Its relative path.</param>
    /// <exception cref="CleaveException">A file is changed or missing, by name.</exception>
    public void Check(string folder, string under)
    {
        foreach (ReleaseEntry entry in Entries.Where(e => e.Path.StartsWith(under + "/", StringComparison.Ordinal)))
        {
            if (!File.Exists(Path.Combine(folder, entry.Path)))
                throw Missing(folder, entry.Path);
            Check(folder, entry);
        }
    }

    private static void Check(string folder, ReleaseEntry entry)
    {
        ReleaseEntry found = EntryOf(folder, entry.Path);
        if (found != entry)
        {
            throw new CleaveException($"{folder}: {entry.Path} has been changed: {found.Bytes} bytes with hash {found.Sha256[..12]}…, " +
                $"not {entry.Bytes} with {entry.Sha256[..12]}… (restore it from a copy)");
        }
    }

    private static CleaveException Missing(string folder, string path) => new($"{folder}: {path} is missing (restore it from a copy, or split the project again)");

    private JsonObject Body() => new()
    {
        ["format"] = Format,
        ["name"] = Name,
        ["version"] = Version,
        ["seed"] = Seed,
        ["files"] = new JsonArray([.. Entries.Select(e => new JsonObject { ["path"] = e.Path, ["bytes"] = e.Bytes, ["sha256"] = e.Sha256 })]),
        ["measured"] = new JsonArray([.. Measured.Select(p => JsonValue.Create(p))]),
    };

    private static ReleaseEntry EntryOf(string folder, string path)
    {
        string full = Path.Combine(folder, path);
        return new ReleaseEntry(path, new FileInfo(full).Length, Hashing.Sha256File(full));
    }

    /// <summary>All files but the manifest, locks and what is still being written, by relative path, ordinal.</summary>
    private static string[] FilesIn(string folder)
    {
        if (!Directory.Exists(folder))
            throw new CleaveException($"{folder}: no such folder");
        var files = new List<string>();
        var all = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 };
        foreach (FileSystemInfo found in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", all))
        {
            string path = Path.GetRelativePath(folder, found.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (found.LinkTarget is not null)
                throw new CleaveException($"{folder}: {path} is a link; a release holds plain files (replace it by what it points to)");
            if (found is FileInfo && path != FileName && !found.Name.StartsWith(FolderLock.FileName, StringComparison.Ordinal)
                && !found.Name.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal))
            {
                files.Add(path);
            }
        }
        files.Sort(StringComparer.Ordinal);
        return [.. files];
    }

    private static bool IsPlain(string path) => path.Length > 0 && path != FileName && path.AsSpan().IndexOfAny('\\', '\0') < 0
        && path.Split('/').All(part => part is not ("" or "." or ".."));
}
