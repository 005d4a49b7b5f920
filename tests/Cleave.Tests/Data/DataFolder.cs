using System.IO.Compression;
using System.Text;
using Cleave.Data;
using Cleave.Data.Reading;

namespace Cleave.Tests.Data;

/// <summary>A folder of small data files that goes away with the test.</summary>
public sealed class DataFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("cleave-data-").FullName;

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(Root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, name.EndsWith(".gz", StringComparison.Ordinal) ? Gzip(bytes) : bytes);
        return path;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    /// <summary>The error that reading every row of a file ends with.</summary>
    public static DataFileException ErrorOf(string path) =>
        Assert.Throws<DataFileException>(() => RowReader.Read(path).ToList());

    /// <summary>Writes labelled texts as JSON lines and loads them as a task.</summary>
    public TaskDataset Load(IEnumerable<(string Text, string Label)> train, IEnumerable<(string Text, string Label)>? test, ulong seed = 7,
        Func<TaskSource, TaskSource>? change = null)
    {
        Write("train.jsonl", Lines(train));
        if (test is not null)
            Write("test.jsonl", Lines(test));
        var source = new TaskSource
        {
            Name = "t",
            Kind = TaskKind.Classify,
            BaseFolder = Root,
            Train = ["train.jsonl"],
            Test = test is null ? [] : ["test.jsonl"],
        };
        return TaskDataset.Load(change is null ? source : change(source), seed);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private static string Lines(IEnumerable<(string Text, string Label)> items) => string.Concat(items.Select(i =>
        new System.Text.Json.Nodes.JsonObject { ["text"] = i.Text, ["label"] = i.Label }.ToJsonString() + "\n"));
}
