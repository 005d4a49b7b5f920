using Cleave.Formats.Yaml;
using Cleave.Models;

namespace Cleave.Training.Pretraining;

/// <summary>Everything that decides a pre-training run: text, vocabulary, shape, schedule and seed.</summary>
public sealed record PretrainProject
{
    /// <summary>The file's name inside a project folder.</summary>
    public const string FileName = "pretrain.yaml";

    public required string Name { get; init; }
    public required string Folder { get; init; }
    public required ulong Seed { get; init; }

    /// <summary>Files or patterns of documents separated by blank lines, relative to <see cref="Folder"/>.</summary>
    public required IReadOnlyList<string> Text { get; init; }
    public required IReadOnlyList<string> Validation { get; init; }

    public required TransformerSpec Model { get; init; }

    /// <summary>Tokens to train on, repeats included.</summary>
    public required long Tokens { get; init; }

    /// <summary>Sequences a micro-batch.</summary>
    public required int Batch { get; init; }

    /// <summary>Micro-batches an update.</summary>
    public required int Accumulate { get; init; }
    public required double LearningRate { get; init; }

    /// <summary>The share of the updates that warm up.</summary>
    public required double Warmup { get; init; }
    public required double FinalShare { get; init; }
    public required double WeightDecay { get; init; }

    /// <summary>How activations wait for the backward pass.</summary>
    public required TrainingMemory Memory { get; init; }

    /// <summary>Updates between validations, and between checkpoints.</summary>
    public required int ValidateEvery { get; init; }
    public required int CheckpointEvery { get; init; }

    public int TokensPerUpdate => Batch * Accumulate * Model.ContextLength;
    public int Updates => (int)Math.Max(1, Tokens / TokensPerUpdate);

    /// <param name="path">A folder with a <see cref="FileName"/>, or the file.</param>
    /// <exception cref="ProjectException">Every mistake in the file, with its line.</exception>
    public static PretrainProject Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        (YamlFile yaml, YamlSection root) = YamlFile.Load(file);
        var project = new PretrainProject
        {
            Name = root.Text("name", required: true) ?? "",
            Folder = Path.GetDirectoryName(Path.GetFullPath(file))!,
            Seed = root.Seed("seed", 1),
            Text = root.Texts("text", required: true),
            Validation = root.Texts("validation", required: true),
            Model = ReadModel(root),
            Tokens = 0,
            Batch = 0,
            Accumulate = 0,
            LearningRate = 0,
            Warmup = 0,
            FinalShare = 0,
            WeightDecay = 0,
            Memory = default,
            ValidateEvery = 0,
            CheckpointEvery = 0,
        };
        YamlSection? training = root.Section("training", required: true);
        if (training is not null)
            project = ReadTraining(project, training);
        root.Finish();
        yaml.ThrowIfAny();
        return project;
    }

    private static TransformerSpec ReadModel(YamlSection root)
    {
        YamlSection? model = root.Section("model", required: true);
        if (model is null)
            return TransformerSpec.Uniform(1, 2, 0, 1, 1, 1, 1);
        int heads = model.Integer("heads", 8, 1, 1024);
        int width = model.Integer("width", 256, 8, 65_536);
        if (width % heads != 0 || width / heads % 2 != 0)
            model.Report("width", $"'model.width' {width} must be {heads} heads of an even size");
        int kvHeads = model.Integer("key-value-heads", heads, 1, heads);
        if (heads % kvHeads != 0)
            model.Report("key-value-heads", $"'model.key-value-heads' {kvHeads} must divide the {heads} heads");
        TransformerSpec spec = TransformerSpec.Uniform(model.Integer("vocabulary", 4096, 300, 1 << 20), width,
            model.Integer("layers", 6, 1, 1024), heads, kvHeads, model.Integer("feed-forward", 688, 8, 1 << 20),
            model.Integer("context", 256, 8, 1 << 20)) with
        { RotaryBase = model.Number("rotary-base", 10_000, 2, 1e9) };
        model.Finish();
        return spec;
    }

    private static PretrainProject ReadTraining(PretrainProject project, YamlSection training)
    {
        project = project with
        {
            Tokens = training.Long("tokens", 10_000_000, 1_000, 1L << 50),
            Batch = training.Integer("batch", 8, 1, 65_536),
            Accumulate = training.Integer("accumulate", 1, 1, 65_536),
            LearningRate = training.Number("learning-rate", 1e-3, 1e-8, 1),
            Warmup = training.Number("warmup", 0.02, 0, 0.9),
            FinalShare = training.Number("final-share", 0.1, 0, 1),
            WeightDecay = training.Number("weight-decay", 0.1, 0, 10),
            Memory = new TrainingMemory(training.Flag("recompute", false), training.Choice("activations", "float32", ["float32", "bfloat16"]) == "bfloat16"),
            ValidateEvery = training.Integer("validate-every", 200, 1, int.MaxValue),
            CheckpointEvery = training.Integer("checkpoint-every", 200, 1, int.MaxValue),
        };
        training.Finish();
        return project;
    }
}
