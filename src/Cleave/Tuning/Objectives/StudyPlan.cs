using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Tuning.Pruners;
using Cleave.Tuning.Samplers;

namespace Cleave.Tuning.Objectives;

/// <summary>How a study is run: what every worker has to know beside its definition.</summary>
/// <param name="Trials">How many trials it has in all.</param>
/// <param name="Timeout">For one trial from its parameters to its answer; null for no limit.</param>
public sealed record StudyPlan(int Trials, string Sampler, StoppingRule Stopping, string Command, TimeSpan? Timeout)
{
    /// <summary>The form of a plan; programs that know another one stay away.</summary>
    private const int Version = 1;

    /// <summary>What <see cref="Storage.IStudyStorage.Settings"/> keeps.</summary>
    /// <param name="program">The version of the program that makes the study.</param>
    public string ToSettings(string program) => new JsonObject
    {
        ["version"] = Version,
        ["cleave"] = program,
        ["trials"] = Trials,
        ["sampler"] = Sampler,
        ["stopping"] = Stopping.ToJson(),
        ["command"] = Command,
        ["timeout_ms"] = Timeout?.TotalMilliseconds,
    }.ToJsonString();

    /// <param name="study">Its name, for messages.</param>
    /// <returns>The plan, and the version of the program that made it.</returns>
    /// <exception cref="CleaveException">There is none, or it is another version's.</exception>
    public static (StudyPlan Plan, string Program) FromSettings(string study, string? settings)
    {
        if (settings is null)
            throw new CleaveException($"{study}: nothing says how it is run (start it with cleave tune)");
        try
        {
            JsonNode json = JsonNode.Parse(settings)!;
            string program = json["cleave"]!.GetValue<string>();
            if (json["version"]!.GetValue<int>() != Version)
                throw new CleaveException($"{study}: was made by cleave {program}, whose studies this version does not run (use that version here)");
            var plan = new StudyPlan(json["trials"]!.GetValue<int>(), json["sampler"]!.GetValue<string>(), StoppingRule.FromJson(json["stopping"]!),
                json["command"]!.GetValue<string>(), json["timeout_ms"] is { } ms ? TimeSpan.FromMilliseconds(ms.GetValue<double>()) : null);
            plan.Stopping.Create();
            if (!SamplerNames.All.Contains(plan.Sampler))
                throw new FormatException($"the sampler '{plan.Sampler}' is not known here");
            return (plan, program);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or NullReferenceException or ArgumentException or OverflowException)
        {
            throw new CleaveException($"{study}: how it is run cannot be read: {e.Message}", e);
        }
    }
}
