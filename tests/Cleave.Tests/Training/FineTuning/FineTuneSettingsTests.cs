using Cleave.Formats.Yaml;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Tests.Training.FineTuning;

public sealed class FineTuneSettingsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Command_lines_and_files_mean_the_same_by_every_name()
    {
        Dictionary<string, string> values = FineTuneSettings.All.ToDictionary(s => s.Name, s => s.Placeholder switch
        {
            "N" => s.Name is "rank" or "batch-tokens" ? "32" : "5",
            "X" => s.Name switch { "learning-rate" => "0.125", "swa" => "0", "layer-decay" => "0.5", _ => "0.25" },
            "NAMES" => "q_proj,c_fc",
            "FILE" => "words.txt",
            "LABEL=X,..." => "", // beside balance-classes
            _ => s.Name switch { "method" => "dora", "optimizer" => "sgd", "schedule" => "plateau", "loss" => "focal", "activations" => "bfloat16", "sampling" => "over", _ => "true" },
        });
        values.Remove("class-weights");
        // What belongs to other choices is read with those.
        string[] others = ["last-layers", "beta1", "beta2", "final-share", "decay-share", "dpo-beta", "cycles"];
        FineTuneOptions fromLine = Same(values.Where(v => !others.Contains(v.Key)));
        Assert.Equal(["q_proj", "c_fc"], fromLine.Targets);
        Dictionary<string, string> choices = new() { ["method"] = "last", ["schedule"] = "stable", ["loss"] = "dpo" };
        FineTuneOptions other = Same([.. choices, .. values.Where(v => others.Contains(v.Key) && v.Key != "cycles")]);
        Assert.Equal(5, Same([new("schedule", "cyclic"), new("cycles", "5")]).Schedule.Cycles);
        Assert.Equal((5, 0.25, 0.25), (other.LastLayers, other.PreferenceBeta, other.Schedule.Decay));
        Assert.Equal((FineTuneMethod.Dora, 32, 0.125, "plateau"), (fromLine.Method, fromLine.Rank, fromLine.PeakLearningRate, fromLine.Schedule.Name));
        // Every setting reaches the options: alone it changes something.
        foreach (var setting in FineTuneSettings.All.Where(s => s.Name is not ("swa" or "targets" or "class-weights")))
            Assert.NotEqual(new FineTuneOptions(), setting.Set(new FineTuneOptions(), values[setting.Name]));
    }

    /// <summary>The options that a file gives, which are those of a command line.</summary>
    private FineTuneOptions Same(IEnumerable<KeyValuePair<string, string>> values)
    {
        File.WriteAllLines(_file, ["training:", .. values.Select(v => $"  {v.Key}: {(v.Key == "targets" ? "[q_proj, c_fc]" : v.Value)}")]);
        (YamlFile yaml, YamlSection root) = YamlFile.Load(_file);
        YamlSection section = root.Section("training")!;
        FineTuneOptions fromFile = FineTuneSettings.Read(section, new FineTuneOptions());
        section.Finish();
        yaml.ThrowIfAny();
        FineTuneOptions fromLine = FineTuneSettings.Apply(new FineTuneOptions(), values.Select(v => (FineTuneSettings.All.First(s => s.Name == v.Key), v.Value)));
        Assert.Equal(fromLine with { Targets = [] }, fromFile with { Targets = [] });
        Assert.Equal(fromLine.Targets, fromFile.Targets);
        return fromLine;
    }

    [Theory]
    [InlineData("rank", "0", "--rank must be a whole number from 1 to 4096, not '0'")]
    [InlineData("warmup", "x", "--warmup must be a number from 0 to 0.9, not 'x'")]
    [InlineData("optimizer", "adamm", "'adamw'")]
    [InlineData("nesterov", "true", "nesterov is for the optimizer sgd")]
    [InlineData("class-weights", "urgent", "--class-weights must be labels with their weights such as urgent=4,spam=0.5, not 'urgent'")]
    [InlineData("sampling", "ovr", "'over'")]
    [InlineData("quantize-base", "true", "quantize-base is for the methods lora, dora and ia3")]
    public void A_wrong_value_is_one_line_that_names_the_setting(string name, string value, string expected)
    {
        CleaveException e = Assert.Throws<CleaveException>(() => FineTuneSettings.Apply(new FineTuneOptions(), [(FineTuneSettings.All.First(s => s.Name == name), value)]));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Learning_rates_fall_from_layer_to_layer()
    {
        Assert.Equal(1, OptimizerBuilder.Scale("heads.mood.weight", 0.5, 4));
        Assert.Equal(0.5, OptimizerBuilder.Scale("model.layers.3.mlp.up_proj.weight", 0.5, 4));
        Assert.Equal(0.0625, OptimizerBuilder.Scale("adapter.model.layers.0.mlp.up_proj.weight.lora_A.weight", 0.5, 4));
        Assert.Equal(0.03125, OptimizerBuilder.Scale("model.embed_tokens.weight", 0.5, 4));
        Assert.Equal(1, OptimizerBuilder.Scale("model.layers.0.mlp.up_proj.weight", 1, 4));
        foreach (string below in new[] { "model.embed_token_types.weight", "model.embed_norm.weight", "model.embed_norm.bias", "model.relative_bias.weight" })
            Assert.Equal(0.03125, OptimizerBuilder.Scale(below, 0.5, 4));
        Assert.Equal(1, OptimizerBuilder.Scale("model.norm.weight", 0.5, 4));
    }

    [Fact]
    public void Each_stack_counts_its_own_layers()
    {
        Assert.Equal(0.5, OptimizerBuilder.Scale("encoder.model.layers.1.mlp.up_proj.weight", 0.5, 4, 2));
        Assert.Equal(0.25, OptimizerBuilder.Scale("adapter.encoder.model.layers.0.mlp.up_proj.weight.lora_A.weight", 0.5, 4, 2));
        Assert.Equal(0.125, OptimizerBuilder.Scale("encoder.model.relative_bias.weight", 0.5, 4, 2));
        Assert.Equal(1, OptimizerBuilder.Scale("encoder.model.norm.weight", 0.5, 4, 2));
        Assert.Equal(0.5, OptimizerBuilder.Scale("model.layers.3.mlp.up_proj.weight", 0.5, 4, 2));
        Assert.Equal(0.03125, OptimizerBuilder.Scale("model.relative_bias.weight", 0.5, 4, 2));
        Assert.Equal(0.015625, OptimizerBuilder.Scale("model.embed_tokens.weight", 0.5, 2, 5));
    }
}
