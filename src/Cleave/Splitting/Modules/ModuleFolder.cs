using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Json;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Models.Heads;
using Cleave.Splitting.Projects;
using Cleave.Training.Adapters;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Modules;

/// <summary>What module.json says about one task of a folder.</summary>
/// <param name="Temperature">Of the calibrated confidences.</param>
/// <param name="Mix">Weights of transformer and n-grams where both are there.</param>
public sealed record ModuleTask(string Name, TaskKind Kind, IReadOnlyList<string> Labels, int MaxTokens, int MaxNewTokens, double Temperature, MixOptions? Mix);

/// <summary>
/// A module (or the monolith) on disk: the model's own files, n-gram classifiers that stand beside it under
/// <c>ngrams/TASK</c>, and <c>module.json</c>.
/// </summary>
public static class ModuleFolder
{
    public const string Description = "module.json", NgramsFolder = "ngrams";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Every task that the folder answers for, to run; they share one transformer. A published model without module.json answers for its heads' tasks.</summary>
    /// <exception cref="ModelFileException">A file is missing, damaged or of another format.</exception>
    public static IReadOnlyList<ITaskModule> Load(string folder) => Load(folder, ModelFolder.LoadFrozen);

    /// <summary>As <see cref="Load(string)"/>, with weights that students can be made of.</summary>
    /// <exception cref="ModelFileException">A file is missing, damaged or of another format.</exception>
    public static IReadOnlyList<ITaskModule> LoadTrainable(string folder) => Load(folder, ModelFolder.Load);

    private static IReadOnlyList<ITaskModule> Load(string folder, Func<string, LanguageModel> load)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!IsModule(folder))
            return OpenPublished(folder, load(folder));
        JsonCursor description = Describe(folder);
        ModuleTask[] tasks = [.. description["tasks"].Items().Select(ReadTask)];
        if (EnsembleFolder.Is(description))
            return [.. tasks.Select(t => EnsembleFolder.Load(folder, description, t, member => Choose(Load(member, load), t.Name, member, "--task")))];
        if (AdapterFolder.IsAdapter(folder))
        {
            (LanguageModel adapted, long held) = AdaptedModel.Load(folder, description, tasks);
            return [.. tasks.Select(t => Open(folder, t, adapted, held))];
        }
        if (BagClassifier.IsBag(folder))
        {
            return [.. tasks.Select(t => new BagModule(t.Name, BagClassifier.Load(folder)) { Temperature = t.Temperature })];
        }
        LanguageModel model = load(folder);
        return [.. tasks.Select(t => Open(folder, t, model, ModelFolder.WeightBytes(folder)))];
    }

    /// <summary>The module of a task; the only one where none is named.</summary>
    /// <param name="path">What messages call the folder.</param>
    /// <param name="option">What names the task.</param>
    /// <exception cref="CleaveException">There is no such task, or several to choose from.</exception>
    public static ITaskModule Choose(IReadOnlyList<ITaskModule> modules, string? task, string path, string option)
    {
        ArgumentNullException.ThrowIfNull(modules);
        string names = string.Join(", ", modules.Select(m => m.Task));
        if (task is not null)
            return modules.FirstOrDefault(m => m.Task == task) ?? throw new CleaveException($"{path}: no task '{task}'; there are: {names}");
        return modules.Count == 1 ? modules[0] : throw new CleaveException($"{path}: answers for several tasks; choose with {option}: {names}");
    }

    /// <summary>Whether a folder has a description of its tasks.</summary>
    public static bool IsModule(string folder) => File.Exists(Path.Combine(folder, Description));

    /// <summary>module.json, parsed.</summary>
    public static JsonCursor Describe(string folder)
    {
        JsonCursor description = JsonFile.Load(Path.Combine(folder, Description));
        int format = description["format"].Int(1);
        return format == 1 ? description : throw description["format"].Error($"format {format} is newer than this program; update Cleave");
    }

    /// <summary>What module.json says about the folder's tasks.</summary>
    /// <exception cref="ModelFileException">It is missing or damaged.</exception>
    public static IEnumerable<ModuleTask> Tasks(string folder) => Describe(folder)["tasks"].Items().Select(ReadTask);

    /// <summary>Writes module.json; <paramref name="facts"/> are added behind the tasks.</summary>
    public static void Write(string folder, string name, IEnumerable<ModuleTask> tasks, JsonObject facts)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        var json = new JsonObject
        {
            ["format"] = 1,
            ["name"] = name,
            ["tasks"] = new JsonArray([.. tasks.Select(t => (JsonNode)WriteTask(t))]),
        };
        Append(folder, json, facts);
    }

    /// <summary>Writes a description with more facts behind what it says.</summary>
    public static void Append(string folder, JsonObject description, JsonObject facts)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(facts);
        foreach ((string key, JsonNode? value) in facts)
            description[key] = value?.DeepClone();
        AtomicFile.WriteText(Path.Combine(folder, Description), description.ToJsonString(Indented) + "\n");
    }

    private static IReadOnlyList<ITaskModule> OpenPublished(string folder, LanguageModel model) => model.Heads.Count == 0
        ? throw new ModelFileException(folder, $"answers for no task: it has no {Description}, and its {ModelFolder.Config} names no head; give a module that 'cleave split' has made, or a published classifier")
        : [.. model.Heads.Select(h => Open(folder, PublishedTask(h, model.Transformer.Spec.ContextLength), model, ModelFolder.WeightBytes(folder)))];

    private static ModuleTask PublishedTask(TaskHead head, int maxTokens) => head.Kind switch
    {
        HeadKind.Classify => new ModuleTask(head.Task, TaskKind.Classify, head.Labels, maxTokens, 0, 1, null),
        HeadKind.Tag => new ModuleTask(head.Task, TaskKind.Extract, TagScheme.FromTags(head.Labels).SpanLabels, maxTokens, 0, 1, null),
        _ => new ModuleTask(head.Task, TaskKind.Extract, [head.Task], maxTokens, 0, 1, null),
    };

    private static TransformerModule Open(string folder, ModuleTask task, LanguageModel model, long bytes)
    {
        string beside = Path.Combine(folder, NgramsFolder, task.Name);
        BagModule? ngrams = Directory.Exists(beside) ? new BagModule(task.Name, BagClassifier.Load(beside)) : null;
        return new TransformerModule(task.Name, task.Kind, model, task.Labels, task.MaxTokens, task.MaxNewTokens, ngrams, ngrams is null ? null : task.Mix)
        { Temperature = task.Temperature, StoredBytes = bytes };
    }

    private static JsonObject WriteTask(ModuleTask task)
    {
        var json = new JsonObject
        {
            ["name"] = task.Name,
            ["kind"] = ProjectReader.NameOf(task.Kind),
            ["labels"] = new JsonArray([.. task.Labels.Select(l => (JsonNode)l)]),
            ["max_tokens"] = task.MaxTokens,
            ["max_new_tokens"] = task.MaxNewTokens,
            ["temperature"] = task.Temperature,
        };
        if (task.Mix is { } mix)
            json["mix"] = new JsonObject { ["transformer"] = mix.Transformer, ["ngrams"] = mix.Ngrams };
        return json;
    }

    private static ModuleTask ReadTask(JsonCursor json)
    {
        TaskKind kind = ProjectReader.KindOf(json["kind"].Text()) ?? throw json["kind"].Error("expected classify, generate, extract or language-model");
        MixOptions? mix = json.Find("mix") is { } m ? new MixOptions(m["transformer"].Number(), m["ngrams"].Number()) : null;
        double temperature = json["temperature"].Number();
        if (!(temperature > 0))
            throw json["temperature"].Error("expected a positive number");
        return new ModuleTask(json["name"].Text(), kind, [.. json["labels"].Items().Select(l => l.Text())], json["max_tokens"].Positive(),
            json["max_new_tokens"].Int(0, 1 << 20), temperature, mix);
    }
}
