using System.Text.Json;

namespace Cleave.Server.Admin;

/// <summary>
/// A file with one JSON line for each change that somebody made to what is served. Lines are only added, and each is on the disk before
/// <see cref="Write"/> returns. JSON's escapes keep whatever a request holds within its line.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    private readonly Lock _gate = new();
    private readonly FileStream _file;
    private readonly string _path;
    private readonly TimeProvider _clock;
    private bool _torn;

    private AuditLog(FileStream file, string path, TimeProvider clock) => (_file, _path, _clock) = (file, path, clock);

    /// <exception cref="CleaveException">The file cannot be opened for writing, or another process writes it.</exception>
    public static AuditLog Open(string path, TimeProvider clock)
    {
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            var log = new AuditLog(file, path, clock);
            if (file.CanSeek && file.Length > 0)
            {
                file.Seek(-1, SeekOrigin.End);
                log._torn = file.ReadByte() != '\n'; // a process died while it wrote
            }
            return log;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: the audit log cannot be written: {e.Message}", e);
        }
    }

    /// <param name="actor">The name of the key, or <c>local</c>.</param>
    /// <param name="outcome"><c>begun</c>, <c>done</c> or <c>refused</c>.</param>
    /// <exception cref="CleaveException">The disk is full or gone.</exception>
    public void Write(string actor, string? remote, string request, string action, string outcome, IEnumerable<KeyValuePair<string, string>> details)
    {
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("time", _clock.GetUtcNow());
            json.WriteString("actor", actor);
            json.WriteString("remote", remote);
            json.WriteString("request", request);
            json.WriteString("action", action);
            json.WriteString("outcome", outcome);
            foreach ((string name, string value) in details)
                json.WriteString(name, value);
            json.WriteEndObject();
        }
        line.WriteByte((byte)'\n');
        lock (_gate)
            Append(line.ToArray());
    }

    public void Dispose() => _file.Dispose();

    // What was half written on a full disk is cut off again, or else ended, so that the next line is a line.
    private void Append(byte[] line)
    {
        long before = _file.CanSeek ? _file.Length : 0;
        try
        {
            if (_file.CanSeek)
                _file.Seek(0, SeekOrigin.End);
            _file.Write(_torn ? [(byte)'\n', .. line] : line);
            _file.Flush(flushToDisk: true);
            _torn = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Cut(before);
            throw new CleaveException($"{_path}: the audit log cannot be written: {e.Message}", e);
        }
    }

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
