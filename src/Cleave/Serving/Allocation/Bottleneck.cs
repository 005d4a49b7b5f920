using System.Globalization;

namespace Cleave.Serving.Allocation;

/// <summary>What one module does, on average over the time that is looked at.</summary>
/// <param name="Processor">The part of the time in which it computes.</param>
/// <param name="Share">Of the processor, what it has at least while all are busy.</param>
/// <param name="Running">Sequences or texts that are computed.</param>
/// <param name="Waiting">Requests that wait for a place beside those.</param>
/// <param name="Room">Bytes for keys and values; 0 where it needs none.</param>
/// <param name="HeldRoom">Of those, set aside for what runs.</param>
/// <param name="IsResident">Whether it is in memory.</param>
public sealed record ModuleLoad(string Name, double Processor, double Share, double Running, double Waiting, long Room, long HeldRoom, long WeightBytes, bool IsResident,
    double RequestsPerSecond);

/// <summary>What a server does, on average over the time that is looked at.</summary>
/// <param name="Processor">The part of the time in which somebody computes.</param>
/// <param name="RequestsWaiting">That have no thread yet.</param>
/// <param name="WaitingForMemory">Requests whose module is not in memory.</param>
/// <param name="LoadsPerMinute">Of modules that had to come back.</param>
/// <param name="MemoryLimit">Bytes, or null.</param>
/// <param name="MemoryUsed">Bytes of modules, and what is set aside for keys and values.</param>
/// <param name="MostSequences">That a model computes together.</param>
public sealed record ServerLoad(double Processor, double RequestsWaiting, double WaitingForMemory, double LoadsPerMinute, long? MemoryLimit, long MemoryUsed, int MostSequences,
    IReadOnlyList<ModuleLoad> Modules);

/// <summary>What keeps a server from answering more, or sooner.</summary>
public enum BottleneckKind
{
    /// <summary>Nothing: there is room everywhere.</summary>
    None,

    /// <summary>Modules do not fit into memory together.</summary>
    Memory,

    /// <summary>The cores compute nearly all the time.</summary>
    Processor,

    /// <summary>Sequences wait for room for their keys and values.</summary>
    KeysAndValues,

    /// <summary>Sequences wait though there is room, because as many as may be computed together are.</summary>
    Sequences,

    /// <summary>Requests wait for a thread though the cores have time.</summary>
    Requests,
}

/// <summary>The bottleneck of a server by name, with the numbers that say so.</summary>
/// <param name="Module">Whose doing it is most, or null.</param>
/// <param name="Sentence">For people.</param>
public sealed record Bottleneck(BottleneckKind Kind, string? Module, string Sentence)
{
    /// <summary>From this part of the time on, the cores are what is short.</summary>
    public const double BusyProcessor = 0.9;

    private const double FullRoom = 0.8, ManyLoads = 6;

    /// <summary>
    /// Names it. Memory comes first, because it makes everything else wait; then the processor, because what it is too slow for piles up in every queue
    /// behind it; queues are named only where the processor has time.
    /// </summary>
    public static Bottleneck Of(ServerLoad load)
    {
        ArgumentNullException.ThrowIfNull(load);
        ModuleLoad? busiest = load.Modules.MaxBy(m => m.Processor), queued = load.Modules.MaxBy(m => m.Waiting);
        if (load.WaitingForMemory >= 0.5 || load.LoadsPerMinute >= ManyLoads)
        {
            return new Bottleneck(BottleneckKind.Memory, null, $"memory: {Number(load.LoadsPerMinute)} modules a minute have to be loaded again, because {ByteSize.Text(load.Modules.Sum(m => m.WeightBytes))} of weights "
                + $"do not fit into {ByteSize.Text(load.MemoryLimit ?? load.MemoryUsed)} beside the room for keys and values");
        }
        if (load.Processor >= BusyProcessor && busiest is not null)
            return new Bottleneck(BottleneckKind.Processor, busiest.Name, $"processor: it computes {Percent(load.Processor)} of the time, most of it for '{busiest.Name}' ({Percent(busiest.Processor)}, {Number(busiest.Waiting)} waiting)");
        if (queued is { Waiting: >= 1 })
        {
            return queued.Room > 0 && queued.HeldRoom >= FullRoom * queued.Room
                ? new Bottleneck(BottleneckKind.KeysAndValues, queued.Name, $"keys and values of '{queued.Name}': {Number(queued.Waiting)} sequences wait for room, {ByteSize.Text(queued.HeldRoom)} of {ByteSize.Text(queued.Room)} are held")
                : new Bottleneck(BottleneckKind.Sequences, queued.Name, $"queue of '{queued.Name}': {Number(queued.Waiting)} requests wait beside {Number(queued.Running)} that are computed together, of {load.MostSequences} at most; the processor is used {Percent(load.Processor)} of the time");
        }
        if (load.RequestsWaiting >= 1)
            return new Bottleneck(BottleneckKind.Requests, null, $"requests: {Number(load.RequestsWaiting)} wait for a thread, and the processor is used only {Percent(load.Processor)} of the time");
        return new Bottleneck(BottleneckKind.None, null, $"none: the processor is used {Percent(load.Processor)} of the time"
            + (busiest is { Processor: > 0 } ? $", most of it for '{busiest.Name}' ({Percent(busiest.Processor)})" : ""));
    }

    private static string Percent(double part) => (100 * part).ToString("0", CultureInfo.InvariantCulture) + "%";

    private static string Number(double value) => value.ToString(value < 10 ? "0.#" : "0", CultureInfo.InvariantCulture);
}
