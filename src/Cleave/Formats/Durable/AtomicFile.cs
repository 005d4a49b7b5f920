namespace Cleave.Formats.Durable;

/// <summary>
/// Writes a file so that a reader, or the same program after a crash at any moment, sees either the old
/// content or the whole new one: temporary file beside it, flush to disk, rename.
/// </summary>
public static class AtomicFile
{
    /// <summary>Marks files that a crash can leave behind; readers ignore them and cleaners may delete them.</summary>
    public const string TemporarySuffix = ".partial";

    /// <param name="verify">Looks at the finished file at its temporary path; if it throws, the file is not put in place.</param>
    /// <exception cref="CleaveException">The disk is full or the place cannot be written.</exception>
    public static void Write(string path, Action<Stream> write, Action<string>? verify = null)
    {
        ArgumentNullException.ThrowIfNull(write);
        string temporary = path + TemporarySuffix;
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            verify?.Invoke(temporary);
            File.Move(temporary, path, overwrite: true);
            FolderSync.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new CleaveException($"{path}: cannot be written: {e.Message} (free space there, or choose another --out)", e);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    public static void WriteBytes(string path, ReadOnlyMemory<byte> bytes) => Write(path, s => s.Write(bytes.Span));

    public static void WriteText(string path, string text) => WriteBytes(path, System.Text.Encoding.UTF8.GetBytes(text));

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first error is the one to report; a leftover temporary file is harmless.
        }
    }
}
