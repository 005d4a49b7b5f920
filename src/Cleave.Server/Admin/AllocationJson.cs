using System.Text.Json;
using System.Text.Json.Serialization;
using Cleave.Serving.Allocation;

namespace Cleave.Server.Admin;

internal sealed record AllocationDocument(BottleneckDocument Bottleneck, double Processor, int Threads, double RequestsWaiting, long? MemoryLimitBytes, long MemoryUsedBytes, double WaitingForMemory,
    long Evictions, long Reloads, IReadOnlyDictionary<string, double> Weights, IReadOnlyDictionary<string, double> MinimumShares, IReadOnlyList<AllocatedModule> Modules);

internal sealed record BottleneckDocument(string Kind, string? Module, string Sentence);

internal sealed record AllocatedModule(string Name, bool Resident, double RequestsPerS, double Processor, double Share, double Running, double Waiting, long WeightBytes, long KeyValueBytes, long HeldKeyValueBytes);

/// <summary>How processor and memory are shared, for administrators.</summary>
[JsonSerializable(typeof(AllocationDocument))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class AllocationJson : JsonSerializerContext
{
    public static byte[] Of(AllocationState state) => JsonSerializer.SerializeToUtf8Bytes(Document(state), Default.AllocationDocument);

    /// <summary>A kind of bottleneck as programs read it.</summary>
    public static string NameOf(BottleneckKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    private static AllocationDocument Document(AllocationState state) => new(new BottleneckDocument(NameOf(state.Bottleneck.Kind), state.Bottleneck.Module, state.Bottleneck.Sentence),
        Round(state.Load.Processor), state.Threads, Round(state.Load.RequestsWaiting), state.Load.MemoryLimit, state.Load.MemoryUsed, Round(state.Load.WaitingForMemory), state.Evictions, state.Reloads,
        state.Options.Weights, state.Options.MinimumShares,
        [.. state.Load.Modules.Select(m => new AllocatedModule(m.Name, m.IsResident, Round(m.RequestsPerSecond), Round(m.Processor), Round(m.Share), Round(m.Running), Round(m.Waiting), m.WeightBytes, m.Room, m.HeldRoom))]);

    private static double Round(double value) => Math.Round(value, 4);
}
