using Cleave.Data;
using Cleave.Data.Balancing;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;

namespace Cleave.Training.FineTuning;

/// <summary>One task's items as tokens, for one model.</summary>
public sealed class FineTuneData
{
    private FineTuneData(string task, TaskKind kind, TaskEncoder encoder, IReadOnlyList<string> labels) => (Task, Kind, Encoder, Labels) = (task, kind, encoder, labels);

    public string Task { get; }
    public TaskKind Kind { get; }
    public TaskEncoder Encoder { get; }

    /// <summary>Classes, or span labels; empty for generation.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>What is trained on. For preferences one item holds both answers.</summary>
    public required IReadOnlyList<TaskItem> Train { get; init; }
    public required IReadOnlyList<TaskItem> Validation { get; init; }

    /// <summary>The training items as they were read, by <see cref="TaskItem.Example"/>.</summary>
    public required IReadOnlyList<Example> Examples { get; init; }

    /// <summary>What training must not come near: the validation and test items.</summary>
    public required IReadOnlyList<Example> HeldOut { get; init; }

    /// <summary>Pairs by <see cref="TaskItem.Example"/>, those of the validation items behind the others; null where no preferences are learnt.</summary>
    public IReadOnlyList<PreferencePair>? Pairs { get; private init; }

    /// <summary>What a teacher says about <see cref="Train"/>; null to learn from the data alone.</summary>
    public TaskLesson? Lesson { get; private init; }

    /// <summary>Whether the task has a head of its own on the trunk.</summary>
    public bool HasHead => Kind is TaskKind.Classify or TaskKind.Extract;

    /// <param name="maxTokens">Longer items are cut.</param>
    /// <exception cref="CleaveException">Preferences are wanted of data that has none.</exception>
    public static FineTuneData Encode(TaskDataset data, LanguageModel model, int maxTokens, bool preferences)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(model);
        TaskKind kind = data.Source.Kind;
        if (preferences && (kind != TaskKind.Generate || data.Source.Rejected is null))
            throw new CleaveException("learning preferences (dpo) needs a task of the kind generate and a column with worse answers");
        if (preferences && model.Transformer.Encoder is not null)
            throw new CleaveException($"learning preferences (dpo) needs a decoder; a {model.Transformer.Spec.Family} model is an encoder and a decoder");
        var encoder = new TaskEncoder(kind, model, data.Labels, Math.Min(maxTokens, model.Transformer.Spec.ContextLength));
        Example[] heldOut = [.. data.Validation, .. data.Test];
        if (preferences)
        {
            PreferencePair[] pairs = [.. data.Train.Concat(data.Validation).Select(encoder.EncodePair)];
            return new FineTuneData(data.Source.Name, kind, encoder, data.Labels)
            {
                Examples = data.Train,
                HeldOut = heldOut,
                Train = [.. pairs.Take(data.Train.Count).Select(p => p.Both)],
                Validation = [.. pairs.Skip(data.Train.Count).Select(p => p.Both)],
                Pairs = pairs,
            };
        }
        return new FineTuneData(data.Source.Name, kind, encoder, data.Labels)
        {
            Examples = data.Train,
            HeldOut = heldOut,
            Train = [.. data.Train.Select(encoder.Encode)],
            Validation = [.. data.Validation.Select(encoder.Encode)],
        };
    }

    /// <summary>The same task with other training items, and what a teacher says about them.</summary>
    public FineTuneData Taught(IReadOnlyList<TaskItem> train, TaskLesson? lesson) => new(Task, Kind, Encoder, Labels)
    {
        Examples = Examples,
        HeldOut = HeldOut,
        Train = train,
        Validation = Validation,
        Lesson = lesson,
    };

    /// <summary>A fresh head for the task.</summary>
    public TaskHead NewHead(int width, ulong seed) => TaskHead.Create(Task, Kind == TaskKind.Classify ? HeadKind.Classify : HeadKind.Tag,
        Kind == TaskKind.Classify ? Labels : Encoder.Scheme!.Tags, width, Rng.For(seed, $"head {Task}"));

    /// <summary>n / (K · nᵏ) for each of the head's K classes, of n supervised rows; 1 for a class that does not occur.</summary>
    public float[] BalancedWeights() => BalancedWeights(Train, Kind == TaskKind.Classify ? Labels.Count : Encoder.Scheme!.Tags.Count);

    /// <inheritdoc cref="BalancedWeights()"/>
    public static float[] BalancedWeights(IEnumerable<TaskItem> items, int classes)
    {
        ArgumentNullException.ThrowIfNull(items);
        var counts = new long[classes];
        foreach (int target in items.SelectMany(i => i.Targets).Where(t => t >= 0))
            counts[target]++;
        return ClassSampler.BalancedWeights(counts);
    }
}
