using System.Net;
using System.Text;
using System.Text.Json;

namespace Cleave.Serving.Remote;

/// <summary>What another server's refusal means for the one who asked here.</summary>
internal static class RemoteRefusals
{
    private const int MostCharacters = 300;

    /// <summary>The exception that says it.</summary>
    /// <param name="body">OpenAI's error document, or anything else.</param>
    /// <param name="withDeadline">Whether the request said how long it may take.</param>
    public static CleaveException Of(HttpStatusCode status, TimeSpan? retryAfter, ReadOnlySpan<byte> body, bool withDeadline)
    {
        (string message, string? parameter, string? code) = Read(body);
        string said = $"{RemoteCall.Server}: status {(int)status}: {message}";
        return (int)status switch
        {
            400 or 413 or 422 => new RequestException(message, parameter, code),
            // Its other answers may be right all the same: it lacks this one module, or knows another key.
            401 or 403 or 404 => new RemoteException(502, RemoteException.Failed, said) { IsFault = false },
            429 => new RemoteException(429, RemoteException.Busy, said) { IsFault = false, RetryAfter = retryAfter },
            503 => new RemoteException(503, RemoteException.Unavailable, said) { IsFault = false, IsNotReady = true, RetryAfter = retryAfter },
            504 when withDeadline => new RemoteException(504, code ?? RemoteException.Silent, message) { IsFault = false, IsWorthAnotherTry = false },
            504 => new RemoteException(504, RemoteException.Silent, said),
            _ => new RemoteException(502, RemoteException.Failed, said),
        };
    }

    /// <summary>An error in the middle of a stream.</summary>
    public static RemoteException InStream(JsonElement error)
    {
        (string message, _, string? code) = Read(error);
        return code == "deadline_exceeded" ? new RemoteException(504, code, message) { IsFault = false, IsWorthAnotherTry = false }
            : new RemoteException(502, RemoteException.Failed, $"{RemoteCall.Server}: {message}");
    }

    private static (string Message, string? Parameter, string? Code) Read(ReadOnlySpan<byte> body)
    {
        try
        {
            JsonElement root = JsonElement.Parse(body);
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("error", out JsonElement error))
                return Read(error);
        }
        catch (JsonException)
        {
            // Some other program's page.
        }
        return (Short(Encoding.UTF8.GetString(body)), null, null);
    }

    private static (string Message, string? Parameter, string? Code) Read(JsonElement error) =>
        (Short(Text(error, "message") ?? "no reason given"), Text(error, "param"), Text(error, "code"));

    private static string? Text(JsonElement error, string name)
    {
        try
        {
            return error.ValueKind == JsonValueKind.Object && error.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null; // broken Unicode
        }
    }

    private static string Short(string text)
    {
        string line = CleaveException.OneLine(text).Trim();
        return line.Length <= MostCharacters ? line : line[..MostCharacters] + "...";
    }
}
