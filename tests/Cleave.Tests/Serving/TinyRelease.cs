using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Registry;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Pipelines;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Training.Bag;
using Cleave.Training.FineTuning;

namespace Cleave.Tests.Serving;

/// <summary>
/// A release made by hand in a temporary folder: <c>mood</c> (a bag of n-grams), <c>reply</c> (a transformer of random
/// weights), <c>names</c> (answered by the monolith), and a router that tells them apart by a word.
/// </summary>
public sealed class TinyRelease : IDisposable
{
    private const int Context = 48;
    private static readonly string[] Moods = ["calm", "loud"], Tasks = ["mood", "reply", "names"];

    public TinyRelease()
    {
        Directory.CreateDirectory(Folder);
        LanguageModel model = Model(seed: 1);
        var mood = new ModuleTask("mood", TaskKind.Classify, Moods, Context, 0, 1, null);
        var reply = new ModuleTask("reply", TaskKind.Generate, [], Context, 12, 1, null);
        var names = new ModuleTask("names", TaskKind.Extract, ["name"], Context, 0, 1, null);
        ModelFolder.Save(Monolith, model, WeightType.F32);
        ModuleFolder.Write(Monolith, "tiny", [mood, reply, names], []);
        SaveBag(Path.Combine(Folder, "modules", "mood"), "mood", Moods, ["be quiet", "all is calm here", "silence please"], ["shout it out", "so loud today", "shout and scream"]);
        ModelFolder.Save(Reply, Model(seed: 2), WeightType.F32);
        ModuleFolder.Write(Reply, "reply", [reply], Certificate(0));
        SaveBag(Path.Combine(Folder, "router"), "router", Tasks, ["shout", "silence today", "be quiet"], ["please answer me", "answer this"], ["who is there", "who was that"]);
        Seal();
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "cleave-" + Path.GetRandomFileName());
    public string Monolith => Path.Combine(Folder, "monolith");
    public string Reply => Path.Combine(Folder, "modules", "reply");

    /// <summary>Sets how sure a module must be to answer by itself.</summary>
    public void SetThreshold(string task, double threshold)
    {
        string folder = Path.Combine(Folder, "modules", task);
        ModuleFolder.Append(folder, JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ModuleFolder.Description)))!.AsObject(), Certificate(threshold));
        Seal();
    }

    /// <summary>Sets how sure the router must be of a task.</summary>
    public void SetAbstention(double threshold)
    {
        string folder = Path.Combine(Folder, "router");
        ModuleFolder.Append(folder, JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ModuleFolder.Description)))!.AsObject(), new JsonObject { ["abstention"] = new JsonObject { ["threshold"] = threshold } });
        Seal();
    }

    /// <summary>Gives the release pipelines.</summary>
    public void Declare(IReadOnlyList<PipelineDefinition> pipelines)
    {
        PipelineFile.Write(Folder, pipelines);
        Seal();
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void Seal()
    {
        File.Delete(Path.Combine(Folder, ReleaseManifest.FileName));
        ReleaseManifest.Of(Folder, "tiny", "1", 1).Write(Folder);
    }

    private static JsonObject Certificate(double threshold) =>
        new() { ["certificate"] = new JsonObject { ["escalation"] = new JsonObject { ["threshold"] = threshold } } };

    internal static LanguageModel Model(ulong seed, int context = Context)
    {
        string[] texts = ["who is there? it is anna, and she answers: be quiet today, please!", "user: hello\nassistant: hello there", "grüße 日本"];
        Tokenizer tokenizer = BpeTrainer.Train(texts, 300, ["<|endoftext|>"], PreTokenizer.Gpt2);
        TransformerSpec spec = TransformerSpec.Uniform(tokenizer.VocabularySize, 16, 2, 2, 1, 24, context);
        var rng = new Rng(seed);
        Transformer transformer = Transformer.Create(spec, rng);
        // Weights of an untrained model are so small that every token is equally likely; these make choices.
        foreach ((_, Cleave.Numerics.Tensors.Tensor weight) in transformer.Parameters().Where(p => p.Tensor.Rows > 1))
        {
            foreach (ref float w in weight.Data)
                w *= 12;
        }
        return new LanguageModel(transformer, tokenizer,
        [
            TaskHead.Create("mood", HeadKind.Classify, Moods, spec.Width, rng),
            TaskHead.Create("names", HeadKind.Tag, new TagScheme(["name"]).Tags, spec.Width, rng),
        ]);
    }

    private static void SaveBag(string folder, string name, string[] labels, params string[][] texts)
    {
        string[] all = [.. texts.SelectMany(t => t)];
        int[] classes = [.. texts.SelectMany((t, i) => t.Select(_ => i))];
        var options = new BagTrainingOptions { Dim = 8, Hidden = 0, Epochs = 30, FeatureDropout = 0 };
        Directory.CreateDirectory(folder);
        BagClassifier.From(BagTrainer.Train(options, new LabelledTexts(all, classes), labels.Length).Model, labels).Save(folder);
        ModuleFolder.Write(folder, name, [new ModuleTask(name, TaskKind.Classify, labels, 1, 0, 1, null)], Certificate(0));
    }
}
