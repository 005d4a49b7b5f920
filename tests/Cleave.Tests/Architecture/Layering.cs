using Mono.Cecil;

namespace Cleave.Tests.Architecture;

/// <summary>A use of one type by another, both by their outermost type's full name.</summary>
internal sealed record Reference(string From, string To);

/// <summary>The order of the rooms: a room sees itself and those before it.</summary>
internal static class Layering
{
    /// <summary>From the ground up; rooms on one line see each other.</summary>
    private static readonly string[][] Order = [
        ["Cleave", "Cleave.Numerics"],
        ["Cleave.Numerics.Simd", "Cleave.Numerics.Kernels", "Cleave.Numerics.Quantized", "Cleave.Numerics.Threading", "Cleave.Numerics.Distributed"],
        ["Cleave.Numerics.Tensors", "Cleave.Numerics.Autograd", "Cleave.Numerics.Ops"],
        ["Cleave.Json"],
        ["Cleave.Tokenizers"],
        ["Cleave.Formats"],
        ["Cleave.Hub"],
        ["Cleave.Models"],
        ["Cleave.Data"],
        ["Cleave.Evaluation"],
        ["Cleave.Training"],
        ["Cleave.Compression"],
        ["Cleave.Tuning"],
        ["Cleave.Proposing"],
        ["Cleave.Registry"],
        ["Cleave.Splitting"],
        ["Cleave.Serving"],
        ["Cleave.Lifecycle"],
        ["Cleave.Server"],
        ["Cleave.Cli"],
    ];

    /// <summary>Rooms that see only some of the rooms before them.</summary>
    private static readonly Dictionary<string, string[]> Narrow = new(StringComparer.Ordinal)
    {
        // A library of its own worth: it knows nothing of models.
        ["Cleave.Tuning"] = ["Cleave", "Cleave.Numerics", "Cleave.Json", "Cleave.Formats"],
        ["Cleave.Formats.Durable"] = ["Cleave", "Cleave.Numerics", "Cleave.Json"],
    };

    /// <summary>Every wrong arrow and every type outside of the rooms, as sentences; empty for a sound house.</summary>
    public static IReadOnlyList<string> Violations(IEnumerable<Reference> references)
    {
        var wrong = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Reference reference in references)
        {
            (int from, int to) = (Rank(reference.From), Rank(reference.To));
            if (from < 0)
                wrong.Add($"{reference.From} is in no room");
            if (to < 0)
                wrong.Add($"{reference.To} is in no room");
            if (from >= 0 && to > from)
                wrong.Add($"{reference.From} uses {reference.To}, which lies above it");
            foreach ((string room, string[] seen) in Narrow)
            {
                if (IsIn(reference.From, room) && !IsIn(reference.To, room) && !seen.Contains(RoomOf(reference.To)))
                    wrong.Add($"{reference.From} uses {reference.To}, which {room} does not see");
            }
        }
        return [.. wrong];
    }

    private static int Rank(string type) => Array.FindIndex(Order, rooms => rooms.Contains(RoomOf(type)));

    /// <summary>The longest room whose name begins the type's namespace; the root room only holds its own types.</summary>
    private static string RoomOf(string type)
    {
        string space = type.LastIndexOf('.') is var dot and > 0 ? type[..dot] : "";
        return space == "Cleave" ? space
            : Order.SelectMany(rooms => rooms).Where(room => room != "Cleave" && (room != "Cleave.Numerics" || space == room) && IsIn(type, room)).MaxBy(room => room.Length) ?? "";
    }

    private static bool IsIn(string type, string room) => type.StartsWith(room + ".", StringComparison.Ordinal);

    /// <summary>The uses, of the project's types by the project's types, in one assembly.</summary>
    public static IEnumerable<Reference> ReferencesOf(ModuleDefinition module)
    {
        foreach (TypeDefinition type in module.GetTypes())
        {
            string from = Outermost(type);
            if (!from.StartsWith("Cleave.", StringComparison.Ordinal))
                continue; // the compiler's and the framework's generated types
            foreach (TypeReference used in TypeUses.Of(type))
            {
                string to = Outermost(used);
                if (to.StartsWith("Cleave.", StringComparison.Ordinal) && to != from)
                    yield return new Reference(from, to);
            }
        }
    }

    private static string Outermost(TypeReference type)
    {
        while (type.DeclaringType is not null)
            type = type.DeclaringType;
        return type.FullName;
    }
}
