namespace Cleave.Formats.Durable;

/// <summary>
/// Makes a folder so that it is either absent (or as it was) or whole: it is built beside its place under a
/// temporary name, every file is flushed, and one rename puts it there.
/// </summary>
public static class AtomicFolder
{
    private const string Previous = ".previous" + AtomicFile.TemporarySuffix;

    /// <summary>
    /// Calls <paramref name="build"/> with the path of an empty temporary folder and moves the result to
    /// <paramref name="path"/>. What an earlier crash has left is cleared first.
    /// </summary>
    /// <param name="overwrite">Whether a folder that is already there is replaced; otherwise it is an error.</param>
    /// <exception cref="CleaveException">The folder exists and is not to be replaced, or cannot be written.</exception>
    public static void Create(string path, Action<string> build, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(build);
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        Recover(path);
        if (!overwrite && (Directory.Exists(path) || File.Exists(path)))
            throw new CleaveException($"{path}: exists already (choose another place, or pass --force to replace it)");
        string temporary = path + AtomicFile.TemporarySuffix;
        try
        {
            Directory.CreateDirectory(temporary);
            build(temporary);
            FlushTree(temporary);
            if (Directory.Exists(path))
                Directory.Move(path, path + Previous);
            Directory.Move(temporary, path);
            FolderSync.Flush(Path.GetDirectoryName(path)!);
            Delete(path + Previous);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Recover(path);
            throw new CleaveException($"{path}: cannot be written: {e.Message} (free space there, or choose another --out)", e);
        }
        catch
        {
            Recover(path);
            throw;
        }
    }

    /// <summary>
    /// Clears what a crash during <see cref="Create"/> has left: half-built folders go, and a folder that was
    /// moved aside without its successor in place comes back.
    /// </summary>
    public static void Recover(string path)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        try
        {
            if (Directory.Exists(path + Previous) && !Directory.Exists(path))
                Directory.Move(path + Previous, path);
            Delete(path + Previous);
            Delete(path + AtomicFile.TemporarySuffix);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: what an interrupted run has left beside it cannot be cleared: {e.Message}", e);
        }
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    private static void FlushTree(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, 0);
            stream.Flush(flushToDisk: true);
        }
        foreach (string inner in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories))
            FolderSync.Flush(inner);
        FolderSync.Flush(folder);
    }
}
