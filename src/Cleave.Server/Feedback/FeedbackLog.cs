using System.Text;
using System.Text.Json;
using Cleave.Json;
using Cleave.Server.Admin;
using Cleave.Server.Http;
using Cleave.Serving;
using Cleave.Serving.Feedback;

namespace Cleave.Server.Feedback;

/// <summary>
/// A file with one JSON line for each judgement of an answer, and the thresholds that follow from all of them: at the start the file is read and
/// every judgement is heard again, in its order. No line holds what a request said; a correction is in it only where that is asked for.
/// </summary>
internal sealed class FeedbackLog : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LineFile _file;
    private readonly EscalationControl? _control;
    private readonly TimeProvider _clock;
    private readonly bool _keepsCorrections;

    private FeedbackLog(LineFile file, FeedbackOptions options, TimeProvider clock) =>
        (_file, _control, _keepsCorrections, _clock) = (file, options.Control, options.KeepsCorrections, clock);

    /// <exception cref="CleaveException">The file cannot be read or written, or holds something else.</exception>
    public static FeedbackLog Open(FeedbackOptions options, TimeProvider clock)
    {
        if (File.Exists(options.File))
        {
            Mend(options.File);
            if (options.Control is { } control)
                Replay(options.File, control);
        }
        return new FeedbackLog(LineFile.Open(options.File, "the log of judgements"), options, clock);
    }

    /// <summary>Writes a judgement down, and moves the threshold of the task where there is one, and the share of a version on trial.</summary>
    /// <param name="score">From 0 to 1.</param>
    /// <exception cref="CleaveException">It cannot be written; then nothing has moved.</exception>
    public void Judge(string id, AnsweredRequest answer, double score, string? correction)
    {
        bool escalated = answer.Route == Route.Escalated;
        double? floor = answer.Version is not null && (escalated || answer.Confidence is not null) ? _control?.FloorOf(answer.Version, answer.Task) : null;
        using var line = new MemoryStream();
        using (var w = new Utf8JsonWriter(line))
        {
            w.WriteStartObject();
            w.WriteString("time", _clock.GetUtcNow());
            w.WriteString("request", id);
            w.WriteString("caller", answer.Caller);
            w.WriteString("module", answer.Module);
            w.WriteString("task", answer.Task);
            w.WriteString("route", AnswerHeaders.NameOf(answer.Route));
            if (answer.Version is { } version)
                w.WriteString("version", version);
            if (answer.Confidence is { } confidence)
                w.WriteNumber("confidence", confidence);
            if (answer.Draw is { } draw)
            {
                w.WriteBoolean("tried", draw.IsTried);
                w.WriteNumber("share", draw.Share);
            }
            w.WriteNumber("score", score);
            if (floor is { } least)
                w.WriteNumber("floor", least);
            if (correction is not null && _keepsCorrections)
                w.WriteString("correction", correction);
            w.WriteEndObject();
        }
        lock (_gate) // so that thresholds move in the order of the lines
        {
            _file.Append(line.ToArray());
            if (floor is not null)
                _control!.Judge(answer.Version!, answer.Task, score, escalated);
            answer.Draw?.Judge(score);
        }
    }

    public void Dispose() => _file.Dispose();

    // A line that a process has not finished when it died was nobody's yet.
    private static void Mend(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 4096);
            long end = file.Length;
            for (; end > 0; end--)
            {
                file.Seek(end - 1, SeekOrigin.Begin);
                if (file.ReadByte() == '\n')
                    break;
            }
            if (end < file.Length)
                file.SetLength(end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: the log of judgements cannot be written: {e.Message}", e);
        }
    }

    private static void Replay(string path, EscalationControl control)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(file, Encoding.UTF8);
            for (long number = 1; reader.ReadLine() is { } line; number++)
            {
                JsonCursor judged = JsonCursor.Parse(Encoding.UTF8.GetBytes(line), $"{path}:{number}");
                if (judged.Find("floor") is null)
                    continue; // it moved nothing
                (string version, string task) = (judged["version"].Text(), judged["task"].Text());
                control.Threshold(version, task, judged["floor"].Number());
                control.Judge(version, task, judged["score"].Number(), judged["route"].Text() == "escalated");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: the log of judgements cannot be read: {e.Message}", e);
        }
    }
}
