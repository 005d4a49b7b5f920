using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Serving.Allocation;
using Cleave.Tests.Serving;

namespace Cleave.Tests.Cli;

public sealed class FootprintTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    [Fact]
    public void What_is_measured_lies_beside_the_release_and_can_be_simulated()
    {
        string beside = Footprints.Beside(tiny.Folder);
        Assert.Contains($"measure them with 'cleave bench footprint {tiny.Folder} --out {beside}'", CommandLine.Run("simulate", tiny.Folder, "--rate", "3").OneLineError(), StringComparison.Ordinal);
        try
        {
            CommandLine run = CommandLine.Run("bench", "footprint", tiny.Folder, "--runs", "1", "--out", beside, "--json");
            Assert.Equal((0, ""), (run.Status, run.Error));
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(run.Output), JsonNode.Parse(File.ReadAllText(beside))));
            using (JsonDocument json = JsonDocument.Parse(run.Output))
                Assert.Equal(64, json.RootElement.GetProperty("release").GetString()!.Length);
            Assert.Contains("exists already", CommandLine.Run("bench", "footprint", tiny.Folder, "--out", beside).OneLineError(), StringComparison.Ordinal);
            CommandLine simulated = CommandLine.Run("simulate", tiny.Folder, "--rate", "50", "--requests", "500", "--mix", "reply=1:8:6,mood=2:4");
            Assert.Equal((0, ""), (simulated.Status, simulated.Error));
            Assert.Contains("reply", simulated.Output, StringComparison.Ordinal);
            Assert.Equal(0, CommandLine.Run("inspect", tiny.Folder).Status); // the release is as it was
        }
        finally
        {
            File.Delete(beside);
        }
    }
}
