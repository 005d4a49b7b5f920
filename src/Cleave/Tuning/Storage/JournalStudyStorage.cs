using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Tuning.Storage;

/// <summary>
/// A study in one append-only file, see <see cref="Journal"/>: the definition, then one JSON line for each event
/// (enqueue, start, params, step, pause, resume, end, release). Finished trials are on the disk before <see cref="Finish"/>
/// returns; what is lost with the power besides is asked for again, with the same answer.
/// </summary>
public sealed class JournalStudyStorage : IStudyStorage
{
    internal static readonly JournalOptions Options = new("study", Version: 1, FlushEachAppend: false);
    private readonly Journal _journal;
    private readonly MemoryStudyStorage _state;

    private JournalStudyStorage(Journal journal, MemoryStudyStorage state) => (_journal, _state) = (journal, state);

    public StudyDefinition Definition => _state.Definition;

    public IReadOnlyList<Trial> Trials => _state.Trials;

    /// <summary>Opens or makes the study's file. Trials that were running when the last writer died wait to run again.</summary>
    /// <exception cref="CleaveException">Another process writes it, it is damaged, or it holds a study with another definition.</exception>
    public static JournalStudyStorage Open(string path, StudyDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        var replay = new Replay(path);
        Journal journal = Journal.Open(path, Options, replay.Apply);
        try
        {
            if (replay.State is { } stored)
                CheckSame(path, stored.Definition, definition);
            else
                Append(journal, definition.ToJson());
            var storage = new JournalStudyStorage(journal, replay.State ?? new MemoryStudyStorage(definition));
            foreach (Trial interrupted in storage.Trials.Where(t => t.State == TrialState.Running).ToArray())
                storage.Release(interrupted.Number);
            journal.Flush();
            return storage;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>Reads a study that another process may be working on.</summary>
    /// <exception cref="CleaveException">The file is missing, damaged or holds no study.</exception>
    public static (StudyDefinition Definition, IReadOnlyList<Trial> Trials) Read(string path)
    {
        var replay = new Replay(path);
        Journal.Read(path, Options, replay.Apply);
        return replay.State is { } state ? (state.Definition, state.Trials) : throw new CleaveException($"{path}: holds no study yet (run it first)");
    }

    public Trial Enqueue(ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Append(_journal, new JsonObject { ["event"] = "enqueue", ["params"] = parameters.ToJson() });
        return _state.Enqueue(parameters);
    }

    public Trial Claim()
    {
        Append(_journal, new JsonObject { ["event"] = "start" });
        return _state.Claim();
    }

    public void SetParameters(int number, ParameterSet parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (_state.Running(number).Parameters is null)
            Append(_journal, Event("params", number, ("params", parameters.ToJson())));
        _state.SetParameters(number, parameters);
    }

    public void Report(int number, int step, double value, string? checkpoint = null)
    {
        MemoryStudyStorage.CheckStep(_state.Running(number), step);
        JsonObject report = Event("step", number, ("step", step), ("value", double.IsFinite(value) ? value : null));
        if (checkpoint is not null)
            report["checkpoint"] = checkpoint;
        Append(_journal, report);
        _state.Report(number, step, value, checkpoint);
    }

    public void Pause(int number)
    {
        MemoryStudyStorage.CheckPause(_state.Running(number));
        Append(_journal, Event("pause", number));
        _journal.Flush();
        _state.Pause(number);
    }

    public void Resume(int number)
    {
        _state.CheckResume(number);
        Append(_journal, Event("resume", number));
        _state.Resume(number);
    }

    public void Finish(int number, TrialOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        MemoryStudyStorage.CheckOutcome(Definition, _state.Running(number), outcome);
        JsonObject end = Event("end", number, ("state", Name(outcome.State)), ("values", new JsonArray([.. outcome.Values.Select(v => JsonValue.Create(v))])));
        if (outcome.Constraints.Count > 0)
            end["constraints"] = new JsonArray([.. outcome.Constraints.Select(c => JsonValue.Create(c))]);
        if (outcome.Note is not null)
            end["note"] = outcome.Note;
        Append(_journal, end);
        _journal.Flush();
        _state.Finish(number, outcome);
    }

    public void Release(int number)
    {
        _state.Running(number);
        Append(_journal, Event("release", number));
        _state.Release(number);
    }

    public void Dispose() => _journal.Dispose();

    private static JsonObject Event(string name, int number, params ReadOnlySpan<(string Name, JsonNode? Value)> members)
    {
        var json = new JsonObject { ["event"] = name, ["trial"] = number };
        foreach ((string key, JsonNode? value) in members)
            json[key] = value;
        return json;
    }

    private static void Append(Journal journal, JsonObject json) => journal.Append(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static string Name(TrialState state) => state switch
    {
        TrialState.Complete => "complete",
        TrialState.Stopped => "stopped",
        _ => "failed",
    };

    private static void CheckSame(string path, StudyDefinition stored, StudyDefinition asked)
    {
        JsonObject old = stored.ToJson(), now = asked.ToJson();
        string[] differing = [.. now.Select(m => m.Key).Where(k => !JsonNode.DeepEquals(old[k], now[k]))];
        if (differing.Length > 0)
        {
            throw new CleaveException($"{path}: holds a study with another {string.Join(" and ", differing)} " +
                "(go on with the same one, or choose another file)");
        }
    }

    /// <summary>Rebuilds the state from the events; a file that passes its checks may still come from a stranger.</summary>
    private sealed class Replay(string path)
    {
        private int _record;

        public MemoryStudyStorage? State { get; private set; }

        public void Apply(ReadOnlyMemory<byte> record)
        {
            try
            {
                JsonNode json = JsonNode.Parse(record.Span) ?? throw new FormatException("an empty record");
                if (State is null)
                    State = new MemoryStudyStorage(StudyDefinition.FromJson(json));
                else
                    Apply(State, json);
                _record++;
            }
            catch (Exception e) when (e is JsonException or FormatException or ArgumentException or InvalidOperationException or NullReferenceException)
            {
                throw new CleaveException($"{path}: record {_record} is not a study's event: {e.Message}", e);
            }
        }

        private static void Apply(MemoryStudyStorage state, JsonNode json)
        {
            int Number() => json["trial"]!.GetValue<int>();
            ParameterSet Parameters()
            {
                ParameterSet set = ParameterSet.FromJson(json["params"] as JsonObject);
                return state.Definition.Space.Problems(set) is { Count: > 0 } problems ? throw new FormatException(problems[0]) : set;
            }
            switch (json["event"]!.GetValue<string>())
            {
                case "enqueue":
                    state.Enqueue(Parameters());
                    break;
                case "start":
                    state.Claim();
                    break;
                case "params":
                    state.SetParameters(Number(), Parameters());
                    break;
                case "step":
                    state.Report(Number(), json["step"]!.GetValue<int>(), json["value"]?.GetValue<double>() ?? double.NaN, json["checkpoint"]?.GetValue<string>());
                    break;
                case "end":
                    state.Finish(Number(), Outcome(json));
                    break;
                case "pause":
                    state.Pause(Number());
                    break;
                case "resume":
                    state.Resume(Number());
                    break;
                case "release":
                    state.Release(Number());
                    break;
                case var other:
                    throw new FormatException($"an unknown event '{other}'");
            }
        }

        private static TrialOutcome Outcome(JsonNode json)
        {
            TrialOutcome outcome = json["state"]!.GetValue<string>() switch
            {
                "complete" => TrialOutcome.Complete([.. json["values"]!.AsArray().Select(v => v!.GetValue<double>())]),
                "stopped" => TrialOutcome.Stopped,
                _ => TrialOutcome.Failed(json["note"]?.GetValue<string>() ?? ""),
            };
            if (json["constraints"] is { } constraints)
                outcome = outcome.WithConstraints([.. constraints.AsArray().Select(c => c!.GetValue<double>())]);
            return json["note"] is { } note ? outcome.With(note.GetValue<string>()) : outcome;
        }
    }
}
