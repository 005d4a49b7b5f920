using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cleave.Tuning.Storage;

/// <summary>
/// Rebuilds a study from its journal: settings, enqueue, start, params, step, alive, artifacts, pause, resume, end, lost and release.
/// A file that passes its checks may still come from a stranger.
/// </summary>
/// <param name="leaseTime">For a file shared by processes, where it does not say; null for one that is not shared.</param>
internal sealed class JournalReplay(string path, TimeSpan? leaseTime = null, TimeProvider? clock = null)
{
    /// <summary>Beside the definition: milliseconds that a trial stays with a silent worker.</summary>
    public const string LeaseKey = "lease_ms";

    private int _record;

    public MemoryStudyStorage? State { get; private set; }

    public void Apply(ReadOnlyMemory<byte> record)
    {
        try
        {
            JsonNode json = JsonNode.Parse(record.Span) ?? throw new FormatException("an empty record");
            if (State is null)
                State = new MemoryStudyStorage(StudyDefinition.FromJson(json), leaseTime is null ? null : LeaseOf(json) ?? leaseTime, clock);
            else
                Apply(State, json);
            _record++;
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException or InvalidOperationException or NullReferenceException or LeaseLostException)
        {
            throw new CleaveException($"{path}: record {_record} is not a study's event: {e.Message}", e);
        }
    }

    public static string Name(TrialState state) => state switch
    {
        TrialState.Complete => "complete",
        TrialState.Stopped => "stopped",
        _ => "failed",
    };

    private static void Apply(MemoryStudyStorage state, JsonNode json)
    {
        switch (json["event"]!.GetValue<string>())
        {
            case "settings":
                state.Configure(json["settings"]!.GetValue<string>());
                break;
            case "enqueue":
                state.Enqueue(Parameters(state, json));
                break;
            case "start": // without a number in version 1, where it could only be this one
                state.Start(json["trial"]?.GetValue<int>() ?? state.Claimable()?.Number ?? state.Trials.Count, json["worker"]?.GetValue<string>(), Until(state, json));
                break;
            case "resume" when state.IsPaused(Number(json)):
                state.Start(Number(json), json["worker"]?.GetValue<string>(), Until(state, json));
                break;
            case "lost" when MemoryStudyStorage.IsHopeless(At(state, json)):
                state.GiveUp(Number(json));
                break;
            default:
                Apply(state, json, MemoryStudyStorage.LeaseOf(At(state, json)));
                break;
        }
    }

    private static void Apply(MemoryStudyStorage state, JsonNode json, Lease lease)
    {
        switch (json["event"]!.GetValue<string>())
        {
            case "params":
                state.SetParameters(lease, Parameters(state, json));
                break;
            case "step":
                state.Report(lease, json["step"]!.GetValue<int>(), json["value"]?.GetValue<double>() ?? double.NaN, json["checkpoint"]?.GetValue<string>(), Until(state, json));
                break;
            case "alive":
                state.Extend(lease, Until(state, json));
                break;
            case "artifacts":
                state.Attach(lease, [.. json["names"]!.AsArray().Select(n => n!.GetValue<string>())]);
                break;
            case "end":
                state.Finish(lease, Outcome(json));
                break;
            case "pause":
                state.Pause(lease);
                break;
            case "release":
                state.Release(lease);
                break;
            case var other:
                throw new FormatException($"an unexpected event '{other}'");
        }
    }

    /// <summary>Whether a journal's first record, its definition, says how long leases are.</summary>
    public static bool HasLease(string path, byte[] definition)
    {
        try
        {
            return JsonNode.Parse(definition)?[LeaseKey] is not null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CleaveException($"{path}: record 0 is not a study's event: {e.Message}", e);
        }
    }

    private static TimeSpan? LeaseOf(JsonNode json) => json[LeaseKey] is not { } lease ? null
        : lease.GetValue<long>() is > 0 and < int.MaxValue and var milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : throw new FormatException("its lease is no time");

    private static int Number(JsonNode json) => json["trial"]!.GetValue<int>();

    private static Trial At(MemoryStudyStorage state, JsonNode json) => Number(json) is >= 0 and int number && number < state.Trials.Count ? state.Trials[number]
        : throw new FormatException($"there is no trial {Number(json)}");

    /// <summary>A start that does not say, of a process that had the file to itself, is as good as one of now.</summary>
    private static DateTimeOffset Until(MemoryStudyStorage state, JsonNode json) =>
        state.LeaseTime is null ? DateTimeOffset.MaxValue : json["until"] is { } until ? DateTimeOffset.FromUnixTimeMilliseconds(until.GetValue<long>()) : state.Until();

    private static ParameterSet Parameters(MemoryStudyStorage state, JsonNode json)
    {
        ParameterSet set = ParameterSet.FromJson(json["params"] as JsonObject);
        return state.Definition.Space.Problems(set) is { Count: > 0 } problems ? throw new FormatException(problems[0]) : set;
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
