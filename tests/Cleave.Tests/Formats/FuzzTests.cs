using Cleave.Benchmarks.Fuzz;

namespace Cleave.Tests.Formats;

/// <summary>Files that are nearly right, each read and used or refused in one line; bench's fuzz does the same a million times.</summary>
[Trait("Kernels", "unused")]
public sealed class FuzzTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-fuzz").FullName;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(t => t.Name)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Targets))]
    public void Damaged_files_are_read_or_refused(string name)
    {
        var cases = new FuzzCases(FuzzTarget.All.First(t => t.Name == name), _folder, seed: 2);
        cases.RunGood();
        int refused = Enumerable.Range(0, 1500).Count(i => cases.Run(i) == FuzzOutcome.Refused);
        Assert.InRange(refused, 100, 1499);
    }
}
