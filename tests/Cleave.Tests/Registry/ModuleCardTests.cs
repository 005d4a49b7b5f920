using Cleave.Registry;
using YamlDotNet.RepresentationModel;

namespace Cleave.Tests.Registry;

public sealed class ModuleCardTests
{
    private static readonly CardFacts Facts = new()
    {
        Name = "intent: \"quoted\" – ü 😀",
        Summary = "Tells what a customer wants.",
        BaseModel = "owner/base",
        License = "apache-2.0",
        Languages = ["en"],
        Datasets = ["data/intent.train.jsonl"],
        Metrics = [
            new("text-classification", "intent | eval", "test", "f1", 0.9125, 0.8951, 0.92999, 1234),
            new("text-classification", "intent | eval", "test", "accuracy", 0.93, 0.92, 0.94, 1234)],
        Recipe = [new("layers", "4 of 6"), new("note", "two\nlines | and a bar")],
        Limits = ["English only."],
    };

    [Fact]
    public void The_front_matter_is_the_yaml_that_the_hub_reads()
    {
        string card = ModuleCard.ToMarkdown(Facts);
        string[] parts = card.Split("---\n", 3);
        Assert.Equal("", parts[0]);
        var stream = new YamlStream();
        stream.Load(new StringReader(parts[1]));
        YamlNode root = stream.Documents[0].RootNode;
        Assert.Equal("apache-2.0", (string?)root["license"]);
        Assert.Equal("owner/base", (string?)root["base_model"]);
        Assert.Equal("finetune", (string?)root["base_model_relation"]);
        Assert.Equal("en", (string?)root["language"][0]);
        Assert.Equal("data/intent.train.jsonl", (string?)root["datasets"][0]);
        Assert.Equal(["f1", "accuracy"], ((YamlSequenceNode)root["metrics"]).Select(n => (string?)n));
        YamlNode model = root["model-index"][0];
        Assert.Equal(Facts.Name, (string?)model["name"]);
        YamlNode result = Assert.Single((YamlSequenceNode)model["results"]);
        Assert.Equal("text-classification", (string?)result["task"]["type"]);
        Assert.Equal("intent | eval", (string?)result["dataset"]["name"]);
        Assert.Equal("test", (string?)result["dataset"]["split"]);
        Assert.Equal("0.9125", (string?)result["metrics"][0]["value"]);
        Assert.Equal("f1 (95% interval 0.8951 – 0.93, 1234 examples)", (string?)result["metrics"][0]["name"]);
        Assert.Equal("accuracy", (string?)result["metrics"][1]["type"]);
    }

    [Fact]
    public void The_text_says_the_same_to_people()
    {
        string[] lines = ModuleCard.ToMarkdown(Facts).Split('\n');
        Assert.Contains("Made from owner/base (finetune).", lines);
        Assert.Contains("| intent \\| eval | test | f1 | 0.9125 | 0.8951 – 0.93 | 1234 |", lines);
        Assert.Contains("| note | two lines \\| and a bar |", lines);
        Assert.Contains("- English only.", lines);
    }

    [Fact]
    public void What_is_not_known_is_left_out()
    {
        string card = ModuleCard.ToMarkdown(new CardFacts { Name = "n", Summary = "s" });
        Assert.Equal("---\nlicense: \"other\"\ntags:\n- \"cleave\"\n---\n\n# n\n\ns\n", card);
    }
}
