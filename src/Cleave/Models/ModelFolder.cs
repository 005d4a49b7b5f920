using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Json;
using Cleave.Models.Families;
using Cleave.Models.Heads;
using Cleave.Numerics.Quantized;
using Cleave.Tokenizers;

namespace Cleave.Models;

/// <summary>How matrices are stored.</summary>
public enum WeightType
{
    F32,
    BF16,

    /// <summary>Blocks of 32 int8 with a float16 scale: the tensors <c>x</c> (I8) and <c>x_scale</c>, as compressed-tensors writes them.</summary>
    Q8,
}

/// <summary>
/// A model as a Hugging Face folder: config.json, model.safetensors, tokenizer.json. Heads of tasks are extra tensors
/// <c>heads.TASK.weight</c> and entries under <c>cleave.heads</c>. Matrices below 8 bits are in a GGUF file instead (<see cref="BlockFileNames"/>).
/// </summary>
public static class ModelFolder
{
    public const string Config = "config.json", Weights = "model.safetensors", TokenizerFile = "tokenizer.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A model to train or to change: every matrix that is not quantized becomes float32.</summary>
    /// <exception cref="ModelFileException">A file is missing or damaged, or the files do not fit each other.</exception>
    public static LanguageModel Load(string folder) => Load(folder, frozen: false);

    /// <summary>A model to run: its matrices stay in the type that they are stored in.</summary>
    /// <exception cref="ModelFileException">A file is missing or damaged, or the files do not fit each other.</exception>
    public static LanguageModel LoadFrozen(string folder) => Load(folder, frozen: true);

    private static LanguageModel Load(string folder, bool frozen)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder))
            throw new ModelFileException(folder, "no such model folder; give a folder with config.json, model.safetensors and tokenizer.json");
        JsonCursor config = JsonFile.Load(Path.Combine(folder, Config));
        Family family = Family.Of(config);
        TransformerSpec spec = family.Read(config); // what is wrong with it is said before anything is opened
        string tokenizerPath = Path.Combine(folder, TokenizerFile);
        Tokenizer tokenizer = TokenizerFolder.Load(folder)
            .WithControlTokens(TokenId(config, "bos_token_id", spec), TokenId(config, "eos_token_id", spec));
        if (tokenizer.VocabularySize > spec.VocabularySize)
            throw new ModelFileException(tokenizerPath, $"the tokenizer has {tokenizer.VocabularySize} tokens, but the model's embedding {spec.VocabularySize} rows; they belong to different models");
        JsonCursor[] described = [.. config.Find("cleave")?.Find("heads")?.Items() ?? []];
        if (BlockFileNames.AreUsed(config))
        {
            Transformer blocks = BlockFile.Read(folder, spec, frozen);
            using SafetensorsSet? beside = described.Length > 0 ? SafetensorsSet.Open(Path.Combine(folder, BlockFileNames.Heads)) : null;
            var reads = beside is null ? null : new WeightReader(beside, name => new StoredWeight(name), prefix: "");
            return new LanguageModel(blocks, tokenizer, [.. described.Select(h => ReadHead(h, spec, reads!))]) { Chat = ChatFormatFiles.Load(folder) };
        }
        using SafetensorsSet files = SafetensorsSet.Open(folder);
        Transformer transformer = ReadTransformer(files, spec, frozen);
        var reader = new WeightReader(files, name => new StoredWeight(name), prefix: "");
        IEnumerable<TaskHead> heads = described.Select(h => ReadHead(h, spec, reader));
        if (family.Heads?.Read(config, transformer.Spec, reader) is { } published)
            heads = heads.Prepend(published);
        return new LanguageModel(transformer, tokenizer, [.. heads]) { Chat = ChatFormatFiles.Load(folder) };
    }

    /// <summary>The transformer alone, of a folder that needs no tokenizer.</summary>
    /// <param name="frozen">True: to run; its matrices stay in the type that they are stored in.</param>
    /// <exception cref="ModelFileException">A file is missing or damaged, or the files do not fit each other.</exception>
    public static Transformer LoadTransformer(string folder, bool frozen = false)
    {
        ArgumentNullException.ThrowIfNull(folder);
        JsonCursor config = JsonFile.Load(Path.Combine(folder, Config));
        TransformerSpec spec = Family.Of(config).Read(config);
        if (BlockFileNames.AreUsed(config))
            return BlockFile.Read(folder, spec, frozen);
        using SafetensorsSet files = SafetensorsSet.Open(folder);
        return ReadTransformer(files, spec, frozen);
    }

    private static Transformer ReadTransformer(SafetensorsSet files, TransformerSpec spec, bool frozen)
    {
        Family family = Family.Of(spec);
        TransformerSpec whole = family.Complete?.Invoke(spec, name => WeightReader.Found(files, name, family.Prefix) is not null) ?? spec;
        var reader = new WeightReader(files, name => family.Place(whole, name), family.Prefix);
        return Transformer.Build(whole, reader.Dense, (name, rows, columns) => reader.Matrix(name, rows, columns, frozen));
    }

    /// <summary>
    /// Writes the three files into a folder that exists or is made. Quantized matrices are written as they are; others
    /// as <paramref name="type"/>, which for <see cref="WeightType.Q8"/> means float32 for what cannot be quantized.
    /// </summary>
    public static void Save(string folder, LanguageModel model, WeightType type)
    {
        ArgumentNullException.ThrowIfNull(model);
        JsonObject config = Describe(folder, model, type);
        Save(folder, model.Transformer, model.Heads, config, type);
    }

    /// <summary>Writes everything but the transformer's weights, which are in a GGUF file in the folder, <see cref="BlockFileNames.Weights"/>.</summary>
    public static void SaveBesideBlocks(string folder, LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        JsonObject config = Describe(folder, model, WeightType.F32);
        ConfigKeys.Cleave(config)[BlockFileNames.Key] = BlockFileNames.Weights;
        var tensors = new WeightWriter();
        AddHeads(tensors, model.Transformer, model.Heads);
        if (model.Heads.Count > 0)
            SafetensorsWriter.Write(Path.Combine(folder, BlockFileNames.Heads), tensors.Tensors(), SafetensorsWriter.TransformersMetadata);
        AtomicFile.WriteText(Path.Combine(folder, Config), config.ToJsonString(Indented) + "\n");
    }

    /// <summary>Bytes of a folder's weights as they are stored, every model of it together.</summary>
    /// <exception cref="ModelFileException">A GGUF file among them is damaged.</exception>
    public static long WeightBytes(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        long bytes = Directory.EnumerateFiles(folder, "*.safetensors").Sum(f => new FileInfo(f).Length);
        string config = Path.Combine(folder, Config);
        return bytes + (File.Exists(config) && BlockFileNames.AreUsed(JsonFile.Load(config)) ? BlockFile.WeightBytes(folder) : 0);
    }

    // Makes the folder, with its tokenizer; what its config is to say.
    private static JsonObject Describe(string folder, LanguageModel model, WeightType type)
    {
        Directory.CreateDirectory(folder);
        JsonObject config = ConfigOf(model.Transformer, type);
        if (model.Tokenizer.BosId is { } bos)
            config["bos_token_id"] = bos;
        if (model.Tokenizer.EosId is { } eos)
            config["eos_token_id"] = eos;
        TaskHead[] own = [.. model.Heads.Where(h => !h.IsPublished)];
        if (own.Length > 0)
            ConfigKeys.Cleave(config)["heads"] = new JsonArray([.. own.Select(WriteHead)]);
        if (model.Heads.FirstOrDefault(h => h.IsPublished) is { } published)
            HeadsOf(model.Transformer.Spec).Write(config, published);
        AtomicFile.Write(Path.Combine(folder, TokenizerFile), model.Tokenizer.Save);
        if (model.Chat is { } chat)
            ChatFormatFiles.Save(folder, chat);
        return config;
    }

    /// <summary>Writes config.json and the weights alone, for programs that bring a tokenizer of their own.</summary>
    public static void Save(string folder, Transformer transformer, WeightType type)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        Directory.CreateDirectory(folder);
        Save(folder, transformer, [], ConfigOf(transformer, type), type);
    }

    private static JsonObject ConfigOf(Transformer transformer, WeightType type)
    {
        JsonObject config = Family.Of(transformer.Spec).Write(transformer.Spec);
        config["torch_dtype"] = type == WeightType.BF16 ? "bfloat16" : "float32";
        if (type == WeightType.Q8)
            config["quantization_config"] = QuantizationConfig();
        return config;
    }

    private static void Save(string folder, Transformer transformer, IReadOnlyList<TaskHead> heads, JsonObject config, WeightType type)
    {
        Family family = Family.Of(transformer.Spec);
        var tensors = new WeightWriter();
        foreach ((string name, object weight) in transformer.Weights())
            tensors.Add(family.Place(transformer.Spec, name), weight, type);
        AddHeads(tensors, transformer, heads);
        SafetensorsWriter.Write(Path.Combine(folder, Weights), tensors.Tensors(), SafetensorsWriter.TransformersMetadata);
        AtomicFile.WriteText(Path.Combine(folder, Config), config.ToJsonString(Indented) + "\n");
    }

    // Heads are small and their scale decides: they stay float32.
    private static void AddHeads(WeightWriter tensors, Transformer transformer, IReadOnlyList<TaskHead> heads)
    {
        foreach (TaskHead head in heads)
        {
            string weight = head.IsPublished ? HeadsOf(transformer.Spec).NameOf(head.Kind) + ".weight" : WeightNames.Head(head.Task);
            tensors.Add(new StoredWeight(weight), head.Projection, WeightType.F32);
            tensors.Add(new StoredWeight(WeightNames.BiasOf(weight)), head.Projection.Bias!, WeightType.F32);
        }
    }

    /// <summary>The tasks that a model's config names heads for, and their labels, without reading any weights.</summary>
    /// <exception cref="ModelFileException">The config is missing, damaged, or tells of a head that is not supported.</exception>
    public static IReadOnlyList<(string Task, HeadKind Kind, IReadOnlyList<string> Labels)> Tasks(string folder)
    {
        JsonCursor config = JsonFile.Load(Path.Combine(folder, Config));
        var tasks = new List<(string, HeadKind, IReadOnlyList<string>)>();
        if (Family.All.FirstOrDefault(f => f.ModelType == config.Text("model_type", ""))?.Heads is not null && PublishedHeads.Describe(config) is var (task, kind, labels))
            tasks.Add((task, kind, labels));
        tasks.AddRange((config.Find("cleave")?.Find("heads")?.Items() ?? []).Select(h => (h["task"].Text(), KindOf(h), (IReadOnlyList<string>)LabelsOf(h))));
        return tasks;
    }

    private static PublishedHeads HeadsOf(TransformerSpec spec) =>
        Family.Of(spec).Heads ?? throw new ArgumentException($"the family '{spec.Family}' has no heads of its own", nameof(spec));

    // Some models end with any of several tokens; the first is the one that they write.
    private static int? TokenId(JsonCursor config, string key, TransformerSpec spec)
    {
        JsonCursor? value = config.Find(key);
        if (value?.Kind == JsonValueKind.Array)
            value = value.Items().FirstOrDefault() ?? throw value.Expected("at least one token");
        return value?.Int(0, spec.VocabularySize - 1);
    }

    private static JsonObject QuantizationConfig() => new()
    {
        ["quant_method"] = "compressed-tensors",
        ["format"] = "int-quantized",
        ["config_groups"] = new JsonObject
        {
            ["group_0"] = new JsonObject
            {
                ["targets"] = new JsonArray("Linear", "Embedding"),
                ["weights"] = new JsonObject { ["num_bits"] = 8, ["type"] = "int", ["symmetric"] = true, ["strategy"] = "group", ["group_size"] = QuantizedMatrix.BlockSize },
            },
        },
    };

    private static JsonObject WriteHead(TaskHead head) => new()
    {
        ["task"] = head.Task,
        ["kind"] = head.Kind switch { HeadKind.Classify => "classify", HeadKind.Tag => "tag", _ => throw new ArgumentException($"{head.Task}: a head of this kind is stored in its family's form only", nameof(head)) },
        ["causal"] = head.Causal,
        ["labels"] = new JsonArray([.. head.Labels.Select(l => (JsonNode)l)]),
    };

    private static TaskHead ReadHead(JsonCursor json, TransformerSpec spec, WeightReader reader)
    {
        string task = json["task"].Text();
        string[] labels = LabelsOf(json);
        return new TaskHead(task, KindOf(json), labels, reader.Dense(WeightNames.Head(task), labels.Length, spec.Width),
            reader.Dense(WeightNames.HeadBias(task), 1, labels.Length))
        { Causal = json["causal"].Flag() };
    }

    private static HeadKind KindOf(JsonCursor head) => head["kind"].Text() switch
    {
        "classify" => HeadKind.Classify,
        "tag" => HeadKind.Tag,
        _ => throw head["kind"].Error("expected \"classify\" or \"tag\""),
    };

    private static string[] LabelsOf(JsonCursor head)
    {
        string[] labels = [.. head["labels"].Items().Select(l => l.Text())];
        return labels.Length > 0 ? labels : throw head["labels"].Error("a head needs at least one label");
    }
}
