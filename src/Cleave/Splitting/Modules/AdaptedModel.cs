using System.Text.Json.Nodes;
using Cleave.Compression.Quantization;
using Cleave.Data;
using Cleave.Json;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Heads;
using Cleave.Numerics.Tensors;
using Cleave.Splitting.Releases;
using Cleave.Training.Adapters;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Modules;

/// <summary>
/// A module that is an adapter on a base that lies elsewhere: the adapter's folder, as PEFT keeps it, with module.json, which names the base.
/// The tasks' heads are tensors <c>heads.TASK.weight</c> of the adapter's file.
/// </summary>
public static class AdaptedModel
{
    private const string Base = "base", Quantized = "base_quantized";

    /// <summary>A base to put an adapter on: its matrices stay in the type that they are stored in, or become Q8_0.</summary>
    /// <param name="name">As <see cref="BaseModel.Find"/> takes it, or a GGUF file.</param>
    /// <exception cref="CleaveException">There is no such model, or it is damaged.</exception>
    public static LanguageModel LoadBase(string name, bool quantize)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (IsGguf(name))
            return quantize ? throw new CleaveException($"{name}: a GGUF file's weights stay as they are; leave out quantize-base") : GgufModel.LoadWithTokenizer(name);
        string folder = BaseModel.Find(name, Environment.CurrentDirectory);
        if (!quantize)
            return ModelFolder.LoadFrozen(folder);
        LanguageModel model = ModelFolder.Load(folder);
        RoundToNearest.Quantize(model.Transformer);
        return model;
    }

    /// <summary>Writes an adapter with its heads; module.json is the caller's, with these facts.</summary>
    public static JsonObject Save(string folder, Adapter adapter, IReadOnlyList<TaskHead> heads, string baseName, bool quantized)
    {
        ArgumentNullException.ThrowIfNull(heads);
        AdapterFolder.Save(folder, adapter, baseName, heads.SelectMany(h => new (string, Tensor)[]
        {
            (WeightNames.Head(h.Task), h.Projection.Weight), (WeightNames.HeadBias(h.Task), h.Projection.Bias!),
        }));
        return new JsonObject { [Base] = baseName, [Quantized] = quantized };
    }

    internal static (LanguageModel Model, long Bytes) Load(string folder, JsonCursor description, IReadOnlyList<ModuleTask> tasks)
    {
        LanguageModel model = LoadBase(description[Base].Text(), description.Flag(Quantized, false));
        Adapter adapter = AdapterFolder.Load(folder, model.Transformer);
        var heads = new List<TaskHead>();
        foreach (ModuleTask task in tasks.Where(t => t.Kind is TaskKind.Classify or TaskKind.Extract))
        {
            IReadOnlyList<string> classes = task.Kind == TaskKind.Classify ? task.Labels : new TagScheme(task.Labels).Tags;
            Tensor weight = Head(folder, adapter, WeightNames.Head(task.Name), classes.Count, model.Transformer.Spec.Width);
            Tensor bias = Head(folder, adapter, WeightNames.HeadBias(task.Name), 1, classes.Count);
            heads.Add(new TaskHead(task.Name, task.Kind == TaskKind.Classify ? HeadKind.Classify : HeadKind.Tag, classes, weight, bias));
        }
        long bytes = new FileInfo(Path.Combine(folder, AdapterFolder.Weights)).Length + model.Transformer.Weights().Sum(w => w.Weight is Linear linear
            ? (linear as AdaptedLinear)?.Original.Bytes ?? linear.Bytes : 4L * ((Tensor)w.Weight).Length);
        return (model with { Heads = heads }, bytes);
    }

    private static Tensor Head(string folder, Adapter adapter, string name, int rows, int columns) =>
        AdapterFolder.Other(adapter, name) is { } tensor && tensor.Rows == rows && tensor.Columns == columns ? tensor
            : throw new ModelFileException(Path.Combine(folder, AdapterFolder.Weights), $"there is no tensor {name} of ({rows}, {columns}), which module.json asks for");

    private static bool IsGguf(string name) => name.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(name);
}
