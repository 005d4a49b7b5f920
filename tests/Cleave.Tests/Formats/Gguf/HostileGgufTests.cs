using Cleave.Benchmarks.Fuzz;
using Cleave.Numerics;
using Cleave.Tests.Models;

namespace Cleave.Tests.Formats.Gguf;

/// <summary>Damaged copies of a good file, each read and run or refused as a model file; bench's fuzz does the same a million times.</summary>
public sealed class HostileGgufTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-gguf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Damaged_files_are_read_or_refused()
    {
        string good = Path.Combine(_folder, "good.gguf"), path = Path.Combine(_folder, "case.gguf");
        GgufModelTests.WriteExample(good);
        var mutator = new GgufMutator(good);
        int refused = 0;
        for (int i = 0; i < 2000; i++)
        {
            File.WriteAllBytes(path, mutator.Next(Rng.For(1, $"{i}")));
            refused += GgufFuzz.Read(path) ? 0 : 1;
        }
        Assert.InRange(refused, 600, 1990);
    }
}
