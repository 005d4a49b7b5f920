using System.Text;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting;
using Cleave.Splitting.Projects;
using Cleave.Tests.Models;

namespace Cleave.Tests.Splitting;

/// <summary>A project of two easy tasks over a tiny random base: a whole split in seconds.</summary>
public sealed class SmallProject : IDisposable
{
    private static readonly string[] Goods = ["parcel", "order", "refund", "shoes", "lamp", "phone", "chair", "book"];

    /// <param name="model">The base; a Llama-shaped one unless it is given.</param>
    public SmallProject(LanguageModel? model = null)
    {
        Folder = Directory.CreateTempSubdirectory("cleave-split").FullName;
        ModelFolder.Save(Path.Combine(Folder, "base"), model ?? TinyModel.Create(layers: 2), WeightType.BF16);
        WriteClasses("mood.train.jsonl", 240, 1);
        WriteClasses("mood.test.jsonl", 120, 2);
        WriteSpans("thing.train.jsonl", 160, 3);
        WriteSpans("thing.test.jsonl", 80, 4);
        File.WriteAllText(ProjectPath, """
            name: small
            base: base
            seed: 3
            tasks:
              mood: {kind: classify, train: mood.train.jsonl, test: mood.test.jsonl, metric: accuracy, margin: 0.2, typos: 0.05, word-dropout: 0.05, sampling: over}
              thing: {kind: extract, train: thing.train.jsonl, test: thing.test.jsonl, spans: spans, margin: 0.5}
            monolith: {epochs: 2, batch-tokens: 256}
            search: {trials: 3, sampler: random}
            """);
    }

    public string Folder { get; }
    public string ProjectPath => Path.Combine(Folder, SplitProject.FileName);

    /// <summary>Says what recipes may be, and how students train.</summary>
    public void Choose(string space, string training) => File.WriteAllText(ProjectPath, File.ReadAllText(ProjectPath)
        .Replace("sampler: random}", $"sampler: random, space: {space}}}\ntraining: {training}", StringComparison.Ordinal));

    public SplitResult Split(string output, bool resume = false, bool force = false, bool publishUncertified = false, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default) =>
        new Splitter(ProjectReader.Load(Folder), new SplitOptions(Path.Combine(Folder, output), resume, force, "cleave split small", publishUncertified), TimeProvider.System)
            .Run(progress, cancellation);

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void WriteClasses(string name, int rows, ulong seed)
    {
        var rng = new Rng(seed);
        var text = new StringBuilder();
        for (int i = 0; i < rows; i++)
        {
            bool good = rng.NextInt(2) == 0;
            string word = good ? "great" : "awful";
            text.Append($"{{\"text\": \"{i + (int)seed * 1000} the {Goods[rng.NextInt(8)]} was {word} and the {Goods[rng.NextInt(8)]} too\", \"label\": \"{(good ? "good" : "bad")}\"}}\n");
        }
        File.WriteAllText(Path.Combine(Folder, name), text.ToString());
    }

    private void WriteSpans(string name, int rows, ulong seed)
    {
        var rng = new Rng(seed);
        var text = new StringBuilder();
        for (int i = 0; i < rows; i++)
        {
            string before = $"{i + (int)seed * 1000} I lost my ", good = Goods[rng.NextInt(8)];
            text.Append($"{{\"text\": \"{before}{good} today\", \"spans\": [[{before.Length}, {before.Length + good.Length}, \"thing\"]]}}\n");
        }
        File.WriteAllText(Path.Combine(Folder, name), text.ToString());
    }
}
