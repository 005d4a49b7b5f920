using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Json;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Models.Heads;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;
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
/// <c>heads.TASK.weight</c> and entries under <c>cleave.heads</c>.
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
        if (config["model_type"].Text() != Llama.ModelType)
            throw config["model_type"].Error($"this family is not supported; only '{Llama.ModelType}' is");
        TransformerSpec spec = Llama.Read(config);
        string tokenizerPath = Path.Combine(folder, TokenizerFile);
        Tokenizer tokenizer = TokenizerFolder.Load(folder)
            .WithControlTokens(config.Find("bos_token_id")?.Int(0, spec.VocabularySize - 1), config.Find("eos_token_id")?.Int(0, spec.VocabularySize - 1));
        if (tokenizer.VocabularySize > spec.VocabularySize)
            throw new ModelFileException(tokenizerPath, $"the tokenizer has {tokenizer.VocabularySize} tokens, but the model's embedding {spec.VocabularySize} rows; they belong to different models");
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, Weights));
        var reader = new WeightReader(file);
        Transformer transformer = Transformer.Build(spec, reader.Dense, (name, rows, columns) => reader.Matrix(name, rows, columns, frozen));
        TaskHead[] heads = [.. (config.Find("cleave")?.Find("heads")?.Items() ?? []).Select(h => ReadHead(h, spec, reader))];
        return new LanguageModel(transformer, tokenizer, heads) { Chat = ChatFormatFiles.Load(folder) };
    }

    /// <summary>
    /// Writes the three files into a folder that exists or is made. Quantized matrices are written as they are; others
    /// as <paramref name="type"/>, which for <see cref="WeightType.Q8"/> means float32 for what cannot be quantized.
    /// </summary>
    public static void Save(string folder, LanguageModel model, WeightType type)
    {
        ArgumentNullException.ThrowIfNull(model);
        Directory.CreateDirectory(folder);
        JsonObject config = Llama.Write(model.Transformer.Spec);
        if (model.Tokenizer.BosId is { } bos)
            config["bos_token_id"] = bos;
        if (model.Tokenizer.EosId is { } eos)
            config["eos_token_id"] = eos;
        config["torch_dtype"] = type == WeightType.BF16 ? "bfloat16" : "float32";
        if (type == WeightType.Q8)
            config["quantization_config"] = QuantizationConfig();
        if (model.Heads.Count > 0)
            (config["cleave"] as JsonObject ?? (JsonObject)(config["cleave"] = new JsonObject()))["heads"] = new JsonArray([.. model.Heads.Select(WriteHead)]);
        var tensors = new List<TensorToWrite>();
        foreach ((string name, object weight) in model.Transformer.Weights())
            AddWeight(tensors, name, weight, type);
        foreach (TaskHead head in model.Heads)
        {
            // Heads are small and their scale decides: they stay float32.
            AddWeight(tensors, WeightNames.Head(head.Task), head.Projection.Weight, WeightType.F32);
            AddWeight(tensors, WeightNames.HeadBias(head.Task), head.Projection.Bias!, WeightType.F32);
        }
        SafetensorsWriter.Write(Path.Combine(folder, Weights), tensors, SafetensorsWriter.TransformersMetadata);
        AtomicFile.Write(Path.Combine(folder, TokenizerFile), model.Tokenizer.Save);
        if (model.Chat is { } chat)
            ChatFormatFiles.Save(folder, chat);
        AtomicFile.WriteText(Path.Combine(folder, Config), config.ToJsonString(Indented) + "\n");
    }

    private static void AddWeight(List<TensorToWrite> tensors, string name, object weight, WeightType type)
    {
        switch (weight)
        {
            case QuantizedLinear { Weight.Format: BlockFormat.Q8_0 } quantized:
                QuantizedMatrix matrix = quantized.Weight;
                (sbyte[] values, Half[] scales) = Q8Tensors.Split(matrix);
                tensors.Add(TensorToWrite.From(name, [matrix.Rows, matrix.Columns], values));
                tensors.Add(new TensorToWrite(name + Q8Tensors.ScaleSuffix, SafetensorsDType.F16, [matrix.Rows, matrix.Columns / QuantizedMatrix.BlockSize],
                    MemoryMarshal.AsBytes(scales.AsSpan()).ToArray()));
                break;
            case DenseLinear dense:
                AddWeight(tensors, name, dense.Weight, type);
                break;
            case HalfLinear half:
                tensors.Add(new TensorToWrite(name, half.Weight.Format == HalfFormat.BFloat16 ? SafetensorsDType.BF16 : SafetensorsDType.F16,
                    [half.Outputs, half.Inputs], MemoryMarshal.AsBytes(half.Weight.Elements).ToArray()));
                break;
            case Tensor tensor:
                long[] shape = tensor.Rows == 1 ? [tensor.Columns] : [tensor.Rows, tensor.Columns];
                SafetensorsDType stored = type == WeightType.BF16 && tensor.Rows > 1 ? SafetensorsDType.BF16 : SafetensorsDType.F32;
                tensors.Add(new TensorToWrite(name, stored, shape, stream => TensorToWrite.Write(stream, stored, tensor.Data)));
                break;
            default:
                throw new ArgumentException($"{name}: a {weight.GetType().Name} cannot be stored", nameof(weight));
        }
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
        ["kind"] = head.Kind == HeadKind.Classify ? "classify" : "tag",
        ["causal"] = head.Causal,
        ["labels"] = new JsonArray([.. head.Labels.Select(l => (JsonNode)l)]),
    };

    private static TaskHead ReadHead(JsonCursor json, TransformerSpec spec, WeightReader reader)
    {
        string task = json["task"].Text();
        string[] labels = [.. json["labels"].Items().Select(l => l.Text())];
        HeadKind kind = json["kind"].Text() switch
        {
            "classify" => HeadKind.Classify,
            "tag" => HeadKind.Tag,
            _ => throw json["kind"].Error("expected \"classify\" or \"tag\""),
        };
        if (labels.Length == 0)
            throw json["labels"].Error("a head needs at least one label");
        return new TaskHead(task, kind, labels, reader.Dense(WeightNames.Head(task), labels.Length, spec.Width),
            reader.Dense(WeightNames.HeadBias(task), 1, labels.Length))
        { Causal = json["causal"].Flag() };
    }
}
