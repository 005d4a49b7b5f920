using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Json;

namespace Cleave.Tuning.Advice;

/// <summary>One question to an advisor and what came of it.</summary>
/// <param name="Trial">The trial that needed parameters.</param>
/// <param name="Error">Why there is no usable answer; null where there is one.</param>
public sealed record AdviceExchange(int Trial, string Model, string? Error, IReadOnlyList<Proposal> Proposals, IReadOnlyList<string> Refused);

/// <summary>
/// A study's advice as a file of JSON lines, one for each question: prompt, answer as it came, what was taken of it, what was refused and
/// why. A line is on the disk before its advice is used, so a study that is interrupted, or run again with this file, takes the
/// same advice at the same trials without asking anybody.
/// </summary>
public sealed class AdviceLog : IDisposable
{
    /// <summary>The file's name in a study's folder.</summary>
    public const string FileName = "advice.jsonl";

    private const long MostBytes = 1 << 30;
    private const int MostLineBytes = 1 << 22;

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly FileStream _file;
    private readonly List<AdviceExchange> _exchanges = [];

    private AdviceLog(FileStream file) => _file = file;

    public string Path => _file.Name;

    /// <summary>In the order of asking.</summary>
    public IReadOnlyList<AdviceExchange> Exchanges => _exchanges;

    /// <summary>Opens or makes the file; half a last line, left by a process that died, is cut off.</summary>
    /// <param name="space">Of the study; null only adds, and leaves what is there unread.</param>
    /// <exception cref="CleaveException">It is damaged, holds advice for another space, or cannot be read or written.</exception>
    public static AdviceLog Open(string path, SearchSpace? space)
    {
        ArgumentNullException.ThrowIfNull(path);
        FileStream? file = null;
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            var log = new AdviceLog(file);
            log.Read(space);
            return log;
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new CleaveException($"{path}: cannot be opened: {e.Message}", e);
            throw;
        }
    }

    /// <summary>Adds an exchange and brings it to the disk.</summary>
    /// <param name="prompt">Null where it could not be made.</param>
    /// <param name="answer">As it came, cut to what would have been read of it; null for none.</param>
    /// <exception cref="CleaveException">The disk is full or gone.</exception>
    public void Append(AdviceExchange exchange, AdvicePrompt? prompt, string? answer)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        string line = new JsonObject
        {
            ["trial"] = exchange.Trial,
            ["model"] = exchange.Model,
            ["error"] = exchange.Error,
            ["proposals"] = new JsonArray([.. exchange.Proposals.Select(p => new JsonObject
            {
                ["params"] = p.Parameters.ToJson(),
                ["reason"] = p.Reason,
                ["repairs"] = Texts(p.Repairs),
            })]),
            ["refused"] = Texts(exchange.Refused),
            ["system"] = prompt?.System,
            ["user"] = prompt?.User,
            ["answer"] = answer is null ? null : Whole(answer is { Length: > AnswerReader.MostCharacters } ? answer[..AnswerReader.MostCharacters] : answer),
        }.ToJsonString(Plain);
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(line + "\n"));
            _file.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            throw new CleaveException($"{Path}: cannot be written: {e.Message} (free space there and resume)", e);
        }
        _exchanges.Add(exchange);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>A text with replacement characters for halves of characters, which no file can hold.</summary>
    internal static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static JsonArray Texts(IReadOnlyList<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);

    private void Read(SearchSpace? space)
    {
        if (_file.Length > MostBytes)
            throw new CleaveException($"{Path}: is too long for an advice log");
        var line = new List<byte>();
        byte[] buffer = new byte[1 << 16];
        long whole = 0, at = 0;
        for (int read; (read = _file.Read(buffer)) > 0;)
        {
            for (int i = 0; i < read; i++)
            {
                at++;
                if (buffer[i] != (byte)'\n')
                {
                    line.Add(buffer[i]);
                    if (line.Count > MostLineBytes)
                        throw new CleaveException($"{Path}: line {_exchanges.Count + 1} is too long for an advice log");
                    continue;
                }
                if (space is not null)
                    _exchanges.Add(Exchange(JsonCursor.Parse(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(line), $"{Path}: line {_exchanges.Count + 1}"), space));
                line.Clear();
                whole = at;
            }
        }
        _file.SetLength(whole);
        _file.Position = whole;
    }

    private AdviceExchange Exchange(JsonCursor json, SearchSpace space)
    {
        int trial = json["trial"].Int(_exchanges.Count == 0 ? 0 : _exchanges[^1].Trial);
        Proposal[] proposals = [.. json["proposals"].Items().Select(p => new Proposal(Parameters(p["params"], space), p.Text("reason", ""), [.. p["repairs"].Items().Select(r => r.Text())]))];
        return new AdviceExchange(trial, json["model"].Text(), json.Find("error")?.Text(), proposals, [.. json["refused"].Items().Select(r => r.Text())]);
    }

    private static ParameterSet Parameters(JsonCursor json, SearchSpace space)
    {
        ParameterSet set;
        try
        {
            set = ParameterSet.FromJson(JsonNode.Parse(json.Element.GetRawText()) as JsonObject);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw json.Error(e.Message);
        }
        return space.Problems(set) is { Count: > 0 } problems ? throw json.Error($"advice for another space: {problems[0]} (remove the file, or start over with --force)") : set;
    }
}
