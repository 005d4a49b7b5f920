using System.Text.Json.Nodes;

namespace Cleave.Tuning;

/// <summary>What makes two runs of a study the same study.</summary>
/// <param name="Directions">One for each objective.</param>
/// <param name="Seed">Decides, with a trial's number and the history, what a sampler suggests.</param>
public sealed record StudyDefinition(string Name, SearchSpace Space, IReadOnlyList<Direction> Directions, ulong Seed)
{
    public StudyDefinition(string name, SearchSpace space, Direction direction = Direction.Minimize, ulong seed = 0) : this(name, space, [direction], seed) { }

    public SearchSpace Space { get; } = Space ?? throw new ArgumentNullException(nameof(Space));

    public IReadOnlyList<Direction> Directions { get; } = Directions is { Count: > 0 } ? [.. Directions]
        : throw new ArgumentException("a study needs a direction", nameof(Directions));

    internal JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["seed"] = Seed,
        ["directions"] = new JsonArray([.. Directions.Select(d => JsonValue.Create(d == Direction.Minimize ? "minimize" : "maximize"))]),
        // A list, not an object: the order of the parameters is part of the study.
        ["space"] = new JsonArray([.. SearchSpaceJson.Write(Space).Select(m => new JsonObject { [m.Key] = m.Value?.DeepClone() })]),
    };

    /// <param name="place">Where the stored definition is, for the message.</param>
    /// <exception cref="CleaveException">The other definition is not this stored one: what differs.</exception>
    internal void CheckSame(string place, StudyDefinition asked)
    {
        JsonObject old = ToJson(), now = asked.ToJson();
        string[] differing = [.. now.Select(m => m.Key).Where(k => !JsonNode.DeepEquals(old[k], now[k]))];
        if (differing.Length > 0)
        {
            throw new CleaveException($"{place}: holds a study with another {string.Join(" and ", differing)} " +
                "(go on with the same one, or choose another place or name)");
        }
    }

    /// <exception cref="FormatException">The document is not a study's definition.</exception>
    internal static StudyDefinition FromJson(JsonNode? json)
    {
        try
        {
            var members = json!.AsObject();
            var space = new JsonObject(members["space"]!.AsArray().Select(p => p!.AsObject().Single())
                .Select(m => KeyValuePair.Create(m.Key, m.Value?.DeepClone())));
            var problems = new List<string>();
            return new StudyDefinition(
                members["name"]!.GetValue<string>(),
                SearchSpaceJson.Read(space, problems) ?? throw new FormatException(string.Join("; ", problems)),
                [.. members["directions"]!.AsArray().Select(d => d!.GetValue<string>() switch
                {
                    "minimize" => Direction.Minimize,
                    "maximize" => Direction.Maximize,
                    var other => throw new FormatException($"an unknown direction '{other}'"),
                })],
                members["seed"]!.GetValue<ulong>());
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException("not a study's definition: " + e.Message, e);
        }
    }
}
