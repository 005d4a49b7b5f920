using System.Text.Json;

namespace Cleave.Server.Admin;

/// <summary>
/// A file with one JSON line for each change that somebody made to what is served. Lines are only added, and each is on the disk before
/// <see cref="Write"/> returns. JSON's escapes keep whatever a request holds within its line.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    private readonly LineFile _file;
    private readonly TimeProvider _clock;

    private AuditLog(LineFile file, TimeProvider clock) => (_file, _clock) = (file, clock);

    /// <exception cref="CleaveException">The file cannot be opened for writing, or another process writes it.</exception>
    public static AuditLog Open(string path, TimeProvider clock) => new(LineFile.Open(path, "the audit log"), clock);

    /// <param name="actor">The name of the key, or <c>local</c>, <c>watch</c> or <c>feedback</c>.</param>
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
        _file.Append(line.ToArray());
    }

    public void Dispose() => _file.Dispose();
}
