using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Models;
using Cleave.Training.Ensembles;

namespace Cleave.Splitting.Modules;

/// <summary>An ensemble on disk: a folder for each member under <c>members</c>, and in <c>module.json</c> how they answer together.</summary>
public static class EnsembleFolder
{
    public const string MembersFolder = "members";

    /// <summary>More members than this are no ensemble but a mistake.</summary>
    public const int MostMembers = 256;

    private const string Key = "ensemble";

    /// <summary>Where a member lies.</summary>
    public static string Member(string folder, int index) => Path.Combine(folder, MembersFolder, index.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Whether a description is of an ensemble.</summary>
    internal static bool Is(JsonCursor description) => description.Find(Key) is not null;

    /// <summary>What module.json says of a combination.</summary>
    public static JsonObject Describe(Combination combination, int members, IReadOnlyList<double>? votes = null, Stacker? stacker = null)
    {
        var json = new JsonObject { ["combination"] = combination.ToString().ToLowerInvariant(), ["members"] = members };
        if (votes is not null)
            json["votes"] = new JsonArray([.. votes.Select(v => (JsonNode)v)]);
        if (stacker is not null)
            json["weights"] = new JsonArray([.. stacker.Weights.Select(w => (JsonNode)w)]);
        return new JsonObject { [Key] = json };
    }

    /// <param name="load">Opens a member's folder.</param>
    internal static EnsembleModule Load(string folder, JsonCursor description, ModuleTask task, Func<string, ITaskModule> load)
    {
        JsonCursor json = description[Key];
        int count = json["members"].Int(1, MostMembers);
        string name = json["combination"].Text();
        if (!Enum.TryParse(name, ignoreCase: true, out Combination combination) || !Enum.IsDefined(combination) || char.IsAsciiDigit(name[0]))
            throw json["combination"].Error("expected mean, vote or stack");
        var members = new List<IClassifierModule>();
        try
        {
            for (int m = 0; m < count; m++)
            {
                // Members are models: an ensemble of ensembles would nest without end.
                string place = Member(folder, m);
                if (ModuleFolder.IsModule(place) && Is(ModuleFolder.Describe(place)))
                    throw new ModelFileException(place, "a member of an ensemble is an ensemble itself");
                members.Add(load(place) as IClassifierModule ?? throw new ModelFileException(place, "is no classifier, so it cannot be a member of an ensemble"));
            }
            double[]? votes = combination == Combination.Vote ? [.. json["votes"].Items().Select(v => v.Number())] : null;
            Stacker? stacker = combination == Combination.Stack ? new Stacker([.. json["weights"].Items().Select(w => (float)w.Number())], count, task.Labels.Count) : null;
            return new EnsembleModule(task.Name, members, combination, votes, stacker) { Temperature = task.Temperature };
        }
        catch (ArgumentException e) // parts that do not fit together
        {
            members.ForEach(m => m.Dispose());
            throw new ModelFileException(Path.Combine(folder, ModuleFolder.Description), e.Message);
        }
        catch
        {
            members.ForEach(m => m.Dispose());
            throw;
        }
    }
}
