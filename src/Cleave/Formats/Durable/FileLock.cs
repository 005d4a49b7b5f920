using System.Globalization;

namespace Cleave.Formats.Durable;

/// <summary>
/// An exclusive lock between processes (and within one), held through an open file. The system gives it back
/// when the process ends, however it ends, so there is never a stale lock to remove by hand. The empty lock
/// file stays: deleting it would let two processes lock two files of the same name.
/// </summary>
public sealed class FileLock : IDisposable
{
    private const int WouldBlockLinux = 11, WouldBlockMac = 35, SharingViolationWindows = unchecked((int)0x80070020);
    private readonly FileStream _stream;
    private readonly string _owner;

    private FileLock(FileStream stream, string owner) => (_stream, _owner) = (stream, owner);

    /// <param name="path">The lock file; made if absent.</param>
    /// <param name="guarded">What the lock guards, for the message.</param>
    /// <exception cref="CleaveException">Another process holds the lock (its number is in the message).</exception>
    public static FileLock Acquire(string path, string guarded) => TryAcquire(path, guarded)
        ?? throw new CleaveException($"{guarded}: in use by {ReadOwner(path + ".pid")} (wait for it, stop it, or choose another place)");

    /// <summary>The lock, or null where another process holds it.</summary>
    /// <exception cref="CleaveException">The lock file cannot be made.</exception>
    public static FileLock? TryAcquire(string path, string guarded)
    {
        string owner = path + ".pid";
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 0);
        }
        catch (IOException e) when (e.HResult is WouldBlockLinux or WouldBlockMac or SharingViolationWindows)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{guarded}: cannot be locked: {e.Message}", e);
        }
        try
        {
            File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream.Dispose();
            throw new CleaveException($"{guarded}: cannot be locked: {e.Message}", e);
        }
        return new FileLock(stream, owner);
    }

    public void Dispose()
    {
        try
        {
            if (_stream.CanWrite)
                File.Delete(_owner);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The number of a process that no longer holds the lock does no harm; the folder may be gone altogether.
        }
        _stream.Dispose();
    }

    private static string ReadOwner(string owner)
    {
        try
        {
            return int.TryParse(File.ReadAllText(owner), out int id) ? $"process {id}" : "another process";
        }
        catch (IOException)
        {
            return "another process"; // between its taking the lock and its writing the number
        }
    }
}

/// <summary>Keeps two runs from writing one output folder; see <see cref="FileLock"/>.</summary>
public static class FolderLock
{
    /// <summary>The lock file's name inside the folder; verifiers and cleaners skip names that begin with it.</summary>
    public const string FileName = ".cleave.lock";

    /// <summary>Makes the folder if it is absent and locks it until the result is disposed.</summary>
    /// <exception cref="CleaveException">Another process holds it, or it cannot be written.</exception>
    public static FileLock Acquire(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{folder}: cannot be created: {e.Message}", e);
        }
        return FileLock.Acquire(Path.Combine(folder, FileName), folder);
    }

    /// <summary>Removes everything in a folder but its lock, which the caller holds.</summary>
    public static void Clear(string folder)
    {
        foreach (string directory in Directory.GetDirectories(folder))
            Directory.Delete(directory, recursive: true);
        foreach (string file in Directory.GetFiles(folder))
        {
            if (!Path.GetFileName(file).StartsWith(FileName, StringComparison.Ordinal))
                File.Delete(file);
        }
    }
}
