namespace Cleave.Tests.Evaluation.Energy;

/// <summary>A folder as Linux shows its energy counters in, with a range of 1,000 joules.</summary>
internal sealed class FakeCounters : IDisposable
{
    private const string Range = "1000000000";

    public string Folder { get; } = Directory.CreateTempSubdirectory("cleave-powercap").FullName;

    /// <summary>What processor time the work has used, in seconds.</summary>
    public double Seconds { get; set; }

    public TimeSpan ProcessorTime() => TimeSpan.FromSeconds(Seconds);

    public FakeCounters Zone(string zone, string name, long microjoules)
    {
        Directory.CreateDirectory(At(zone));
        File.WriteAllText(Path.Combine(At(zone), "name"), name + "\n");
        File.WriteAllText(Path.Combine(At(zone), "max_energy_range_uj"), Range + "\n");
        return Set(zone, microjoules);
    }

    public FakeCounters Set(string zone, long microjoules)
    {
        File.WriteAllText(Path.Combine(At(zone), "energy_uj"), microjoules + "\n");
        return this;
    }

    /// <summary>The counter can be opened by nobody: a folder of its name refuses administrators, too.</summary>
    public void Forbid(string zone)
    {
        File.Delete(Path.Combine(At(zone), "energy_uj"));
        Directory.CreateDirectory(Path.Combine(At(zone), "energy_uj"));
    }

    public void Remove(string zone) => File.Delete(Path.Combine(At(zone), "energy_uj"));

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private string At(string zone) => Path.Combine(Folder, zone);
}
