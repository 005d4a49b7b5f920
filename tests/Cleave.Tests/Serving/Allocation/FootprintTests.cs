using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Serving.Allocation;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Serving.Allocation;

public sealed class FootprintTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    [Fact]
    public void A_release_is_measured_module_by_module_and_the_file_gives_it_back()
    {
        var meter = new FootprintMeter(runs: 1);
        IReadOnlyList<ModuleFootprint> found = meter.Measure(() => Release.Open(tiny.Folder));
        Assert.Equal(["mood", "reply", "monolith"], found.Select(f => f.Name));
        ModuleFootprint mood = found[0], reply = found[1], monolith = found[2];
        Assert.Equal((false, 0L, false), (mood.Writes, mood.PageBytes, mood.TakesTurns));
        Assert.Equal((TaskKind.Generate, 48, true), (reply.Kind, reply.ContextTokens, reply.TakesTurns));
        // Two layers with one key-value head of 8, padded to 16, float16: keys and values of 64 positions.
        Assert.Equal(2 * 2 * 16 * 2 * 64, reply.PageBytes);
        Assert.Equal(reply.PageBytes, reply.KeyValueBytes(1));
        Assert.Equal(2 * reply.PageBytes, reply.KeyValueBytes(65));
        Assert.Equal([1, 2, 4, 8, 16, 32], monolith.Writing!.Points.Select(p => p.Count));
        Assert.All(found, f => Assert.True(f.WeightBytes > 0 && f.LoadMilliseconds > 0 && f.Reading.At(16) > 0));
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            var all = new Footprints(new FootprintMachine("some processor", 2, "Avx2"), "abc", 0.5, found);
            all.Save(file);
            Footprints back = Footprints.Load(file);
            Assert.Equal(all.ToJson().ToJsonString(), back.ToJson().ToJsonString());
            Assert.Same(back.Modules[1], back.Find("reply"));
            Assert.Contains("there are: mood, reply, monolith", Assert.Throws<CleaveException>(() => back.Find("none")).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Between_measurements_lines_are_straight_and_noise_is_levelled()
    {
        var curve = new CostCurve([new(1, 2), new(4, 8), new(8, 6), new(16, 24)]);
        Assert.Equal((0, 2, 4, 8, 16, 42), (curve.At(0), curve.At(1), curve.At(2), curve.At(8), curve.At(12), curve.At(25)));
        Assert.Equal(30, new CostCurve([new(10, 20)]).At(15));
        Assert.Throws<ArgumentException>(() => new CostCurve([]));
        Assert.Throws<ArgumentException>(() => new CostCurve([new(2, 1), new(2, 1)]));
        Assert.Throws<ArgumentException>(() => new CostCurve([new(1, 0)]));
        var writer = new ModuleFootprint("w", TaskKind.Generate, 1, 1, 64, 1, true, new CostCurve([new(1, 1), new(101, 11)]), new CostCurve([new(1, 2), new(11, 4)]));
        Assert.Equal((2, 6.0, 2 + 5.0), (writer.Step(1, 0), writer.Step(0, 51), writer.Step(1, 50)));
    }

    [Theory]
    [InlineData("modules.0.reading.0.ms", "-1", "modules[0].reading[0].ms: expected a number that is not negative")]
    [InlineData("modules.0.reading.1.tokens", "1", "modules[0].reading: must be points with growing tokens and positive times")]
    [InlineData("modules.0.kind", "\"sing\"", "modules[0].kind: expected classify, generate, extract or language-model")]
    [InlineData("modules.1.name", "\"a\"", "modules[1]: a second module 'a'")]
    [InlineData("machine.threads", "0", "machine.threads: expected a positive integer")]
    [InlineData("format", "2", "format: was written by a newer program")]
    [InlineData("modules", "[]", "modules: has no module")]
    public void A_damaged_file_is_one_line_with_the_place(string path, string value, string message)
    {
        ModuleFootprint Module(string name) => new(name, TaskKind.Classify, 10, 0, 0, 1, true, new CostCurve([new(1, 1), new(2, 2)]), null);
        JsonNode json = new Footprints(new FootprintMachine("p", 2, "Avx2"), "", 1, [Module("a"), Module("b")]).ToJson();
        string[] steps = path.Split('.');
        JsonNode at = steps[..^1].Aggregate(json, (node, step) => int.TryParse(step, out int index) ? node[index]! : node[step]!);
        at[steps[^1]] = JsonNode.Parse(value);
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.WriteAllText(file, json.ToJsonString());
        try
        {
            string said = Assert.Throws<ModelFileException>(() => Footprints.Load(file)).Message;
            Assert.StartsWith($"{file}: {message}", said, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
