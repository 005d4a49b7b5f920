namespace Cleave.Server.Admin;

/// <summary>A file to which lines are added, each on the disk before <see cref="Append"/> returns; one process writes it.</summary>
internal sealed class LineFile : IDisposable
{
    private readonly Lock _gate = new();
    private readonly FileStream _file;
    private readonly string _path, _what;
    private bool _torn;

    private LineFile(FileStream file, string path, string what) => (_file, _path, _what) = (file, path, what);

    /// <param name="what">What the file is called in errors, such as "the audit log".</param>
    /// <exception cref="CleaveException">The file cannot be opened for writing, or another process writes it.</exception>
    public static LineFile Open(string path, string what)
    {
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            var lines = new LineFile(file, path, what);
            if (file.CanSeek && file.Length > 0)
            {
                file.Seek(-1, SeekOrigin.End);
                lines._torn = file.ReadByte() != '\n'; // a process died while it wrote
            }
            return lines;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: {what} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Adds a line; what was half written on a full disk is cut off again, or else ended, so that the next line is a line.</summary>
    /// <exception cref="CleaveException">The disk is full or gone.</exception>
    public void Append(ReadOnlySpan<byte> line)
    {
        byte[] whole = [.. line, (byte)'\n'];
        lock (_gate)
        {
            long before = _file.CanSeek ? _file.Length : 0;
            try
            {
                if (_file.CanSeek)
                    _file.Seek(0, SeekOrigin.End);
                _file.Write(_torn ? [(byte)'\n', .. whole] : whole);
                _file.Flush(flushToDisk: true);
                _torn = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Cut(before);
                throw new CleaveException($"{_path}: {_what} cannot be written: {e.Message}", e);
            }
        }
    }

    public void Dispose() => _file.Dispose();

    private void Cut(long length)
    {
        try
        {
            if (_file.CanSeek && _file.Length > length)
                _file.SetLength(length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _torn = true;
        }
    }
}
