using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Models.Heads;

namespace Cleave.Models.Families;

/// <summary>
/// The heads for tasks with which a family's checkpoints are published: <c>…ForSequenceClassification</c>,
/// <c>…ForTokenClassification</c> and <c>…ForQuestionAnswering</c>, their labels under <c>id2label</c>.
/// </summary>
/// <param name="Architecture">What the names of the family's classes begin with.</param>
/// <param name="Classifier">The projection of a classifier of texts, as the files name it.</param>
/// <param name="Pooler">What the classifier of texts stands on.</param>
internal sealed record PublishedHeads(string Architecture, string Classifier, PoolerKind Pooler)
{
    private const string Task = "finetuning_task", LabelsKey = "id2label";

    private static readonly (HeadKind Kind, string Suffix, string Task)[] Kinds =
    [
        (HeadKind.Classify, "ForSequenceClassification", "classify"), (HeadKind.Tag, "ForTokenClassification", "tag"), (HeadKind.Span, "ForQuestionAnswering", "answer"),
    ];

    /// <summary>The head that a config tells of, without its weights; null where it tells of none.</summary>
    public static (string Task, HeadKind Kind, string[] Labels)? Describe(JsonCursor config)
    {
        string architecture = config.Find("architectures")?.Items().FirstOrDefault()?.Text() ?? "";
        (HeadKind kind, string suffix, string usual) = Kinds.FirstOrDefault(k => architecture.EndsWith(k.Suffix, StringComparison.Ordinal));
        if (suffix is null)
            return null;
        string[] labels = kind == HeadKind.Span ? ["start", "end"] : Labels(config);
        return (config.Text(Task, usual), kind, labels);
    }

    /// <summary>The head of a checkpoint, or null where it has none.</summary>
    /// <exception cref="ModelFileException">It is of a kind that is not supported, or the files do not have it.</exception>
    public TaskHead? Read(JsonCursor config, TransformerSpec spec, WeightReader reader)
    {
        if (Describe(config) is not var (task, kind, labels))
            return null;
        if (kind == HeadKind.Classify)
            Check(config, spec, labels);
        string name = NameOf(kind);
        return new TaskHead(task, kind, labels, reader.Dense(name + ".weight", labels.Length, spec.Width), reader.Dense(name + ".bias", 1, labels.Length))
        {
            Pooling = kind == HeadKind.Classify ? Pooling.First : Pooling.Mean,
            IsPublished = true,
        };
    }

    /// <summary>Says in a config which head is there.</summary>
    public void Write(JsonObject config, TaskHead head)
    {
        (_, string suffix, string usual) = Kinds.First(k => k.Kind == head.Kind);
        config["architectures"] = new JsonArray(Architecture + suffix);
        if (head.Task != usual)
            config[Task] = head.Task;
        if (head.Kind == HeadKind.Span)
            return;
        config[LabelsKey] = new JsonObject(head.Labels.Select((l, i) => KeyValuePair.Create($"{i}", (JsonNode?)l)));
        config["label2id"] = new JsonObject(head.Labels.Select((l, i) => (l, i)).DistinctBy(p => p.l).Select(p => KeyValuePair.Create(p.l, (JsonNode?)p.i)));
    }

    /// <summary>The projection of a head, as the files name it, without <c>.weight</c>.</summary>
    public string NameOf(HeadKind kind) => kind switch
    {
        HeadKind.Classify => Classifier,
        HeadKind.Tag => "classifier",
        _ => "qa_outputs",
    };

    private void Check(JsonCursor config, TransformerSpec spec, string[] labels)
    {
        const string Supported = "only classifiers that give a text one of several labels are supported";
        if (config.Find("problem_type") is { } problem && problem.Text() != "single_label_classification")
            throw problem.Error($"is '{problem.Text()}'; {Supported}");
        if (labels.Length == 1)
            throw config.Error($"the classifier has one label, so it gives a text a number; {Supported}");
        if (spec.Pooler != Pooler)
            throw config.Error($"{config["architectures"].Items().First().Text()} asks for a classifier, but the files lack the layer below it; they belong to another model");
    }

    private static string[] Labels(JsonCursor config)
    {
        if (config.Find(LabelsKey) is not { } named)
            return [.. Enumerable.Range(0, config.Find("num_labels")?.Positive() ?? 2).Select(i => $"LABEL_{i}")];
        Dictionary<string, string> labels = named.Members().ToDictionary(m => m.Name, m => m.Value.Text(), StringComparer.Ordinal);
        string[] ordered = [.. Enumerable.Range(0, labels.Count).Select(i => labels.GetValueOrDefault($"{i}") ?? throw named.Error($"names {labels.Count} labels, but none of the number {i}"))];
        return ordered.Length > 0 ? ordered : throw named.Error("names no label");
    }
}
