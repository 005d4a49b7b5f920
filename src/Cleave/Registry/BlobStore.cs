using System.Globalization;
using System.Security.Cryptography;
using Cleave.Formats.Durable;

namespace Cleave.Registry;

/// <summary>
/// Keeps contents under the name of their SHA-256, <c>ROOT/sha256/ab/abcd…</c>: written once and whole, equal contents once,
/// checked whenever they are read. Several processes may use one store.
/// </summary>
public sealed class BlobStore
{
    private const int CopyBytes = 1 << 20;
    private static long _arrivals;

    /// <param name="root">Made with the first content.</param>
    public BlobStore(string root)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        Root = Path.GetFullPath(root);
    }

    public string Root { get; }

    /// <summary>Where a content lies, whether or not it is there.</summary>
    /// <exception cref="ArgumentException">The text is not a hash, see <see cref="Hashing.IsSha256"/>.</exception>
    public string PathOf(string hash) => Hashing.IsSha256(hash) ? Path.Combine(Root, "sha256", hash[..2], hash)
        : throw new ArgumentException($"'{hash}' is not a SHA-256 in lowercase hexadecimal digits", nameof(hash));

    public bool Contains(string hash) => File.Exists(PathOf(hash));

    /// <summary>The hashes of all contents, in order.</summary>
    public IEnumerable<string> Hashes()
    {
        string folder = Path.Combine(Root, "sha256");
        return !Directory.Exists(folder) ? []
            : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetFileName(f))
                .Where(Hashing.IsSha256).Order(StringComparer.Ordinal);
    }

    /// <summary>Stores the rest of a stream and returns its hash.</summary>
    /// <exception cref="CleaveException">The disk is full or cannot be written.</exception>
    public string Put(Stream content)
    {
        ArgumentNullException.ThrowIfNull(content);
        string arriving = Path.Combine(Root, "arriving", string.Create(CultureInfo.InvariantCulture,
            $"{Environment.ProcessId}-{Interlocked.Increment(ref _arrivals)}{AtomicFile.TemporarySuffix}"));
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(arriving)!);
            string hash;
            using (var file = new FileStream(arriving, FileMode.Create, FileAccess.Write, FileShare.None, 0))
            {
                hash = Copy(content, file);
                file.Flush(flushToDisk: true);
            }
            string place = PathOf(hash);
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            File.Move(arriving, place, overwrite: true); // equal contents, so it does not matter whose stays
            return hash;
        }
        catch (Exception e)
        {
            File.Delete(arriving);
            if (e is IOException or UnauthorizedAccessException)
                throw new CleaveException($"{Root}: cannot be written: {e.Message} (free space there, or choose another registry)", e);
            throw;
        }
    }

    /// <inheritdoc cref="Put(Stream)"/>
    public string Put(ReadOnlyMemory<byte> content) => Put(new MemoryStream(content.ToArray(), writable: false));

    /// <summary>Stores a file's content and returns its hash.</summary>
    /// <exception cref="CleaveException">The file cannot be read, or the store cannot be written.</exception>
    public string PutFile(string path)
    {
        using FileStream stream = OpenRead(path);
        return Put(stream);
    }

    /// <summary>The whole content, checked.</summary>
    /// <exception cref="CleaveException">It is not there, or not what its name says.</exception>
    public byte[] Read(string hash)
    {
        using var content = new MemoryStream();
        CopyTo(hash, content);
        return content.ToArray();
    }

    /// <summary>Copies a content to a file, which appears only if the content is what its name says.</summary>
    /// <exception cref="CleaveException">It is not there, or damaged, or the file cannot be written.</exception>
    public void Export(string hash, string path) => AtomicFile.Write(path, file => CopyTo(hash, file));

    /// <summary>Removes a content; nothing happens where it is not there.</summary>
    public void Delete(string hash)
    {
        string place = PathOf(hash);
        if (File.Exists(place))
            File.Delete(place);
    }

    /// <summary>
    /// Removes what nobody refers to and what killed writers have left half arrived. The caller sees to it that
    /// nothing is published meanwhile.
    /// </summary>
    /// <returns>The hashes that went.</returns>
    public IReadOnlyList<string> Sweep(IReadOnlySet<string> keep)
    {
        ArgumentNullException.ThrowIfNull(keep);
        string[] unused = [.. Hashes().Where(h => !keep.Contains(h))];
        try
        {
            foreach (string hash in unused)
                Delete(hash);
            string arriving = Path.Combine(Root, "arriving");
            if (Directory.Exists(arriving))
                Directory.Delete(arriving, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{Root}: cannot be cleaned: {e.Message}", e);
        }
        return unused;
    }

    private void CopyTo(string hash, Stream destination)
    {
        string place = PathOf(hash);
        if (!File.Exists(place))
            throw new CleaveException($"{Root}: has no content {hash} (publish it again, or restore the registry from a copy)");
        using FileStream stream = OpenRead(place);
        if (Copy(stream, destination) is var found && found != hash)
            throw new CleaveException($"{place}: is damaged: its content has the hash {found} (delete it and publish it again)");
    }

    private static FileStream OpenRead(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Copies and returns the hash of what was copied.</summary>
    private static string Copy(Stream from, Stream to)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[CopyBytes];
        int read;
        while ((read = from.Read(buffer)) > 0)
        {
            hash.AppendData(buffer, 0, read);
            to.Write(buffer, 0, read);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
