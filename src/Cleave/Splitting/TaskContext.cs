using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Data.Cleaning;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting.Projects;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting;

/// <summary>One task's data, encoded for the base's tokenizer: what every stage of a split works on.</summary>
public sealed class TaskContext
{
    /// <summary>Texts longer than this many tokens are cut, or the base's context where that is shorter.</summary>
    private const int MostTokens = 256;
    private readonly int _vocabulary;

    public TaskContext(TaskDefinition definition, TaskDataset data, LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(model);
        (Definition, Data) = (definition, data);
        _vocabulary = model.Transformer.Spec.VocabularySize;
        MaxTokens = Math.Min(MostTokens, model.Transformer.Spec.ContextLength);
        Encoder = new TaskEncoder(definition.Kind, model, data.Labels, MaxTokens);
        Train = [.. data.Train.Select(Encoder.Encode)];
        MaxNewTokens = definition.Kind == TaskKind.Generate ? TaskEncoder.LongestReply(Train, model.Transformer.Encoder is null ? MaxTokens / 2 : MaxTokens) : 0;
        MeanTokens = Train.Average(t => t.Tokens);
        MeanGenerated = definition.Kind == TaskKind.Generate ? Train.Average(t => t.Supervised) : 0;
    }

    public TaskDefinition Definition { get; }
    public TaskDataset Data { get; }
    public string Name => Definition.Name;
    public TaskKind Kind => Definition.Kind;
    public TaskEncoder Encoder { get; }

    /// <summary>The training items as tokens, in the order of <see cref="TaskDataset.Train"/>.</summary>
    public IReadOnlyList<TaskItem> Train { get; }
    public int MaxTokens { get; }
    public int MaxNewTokens { get; }

    /// <summary>Tokens of an item, what is generated included: what the cost model counts.</summary>
    public double MeanTokens { get; }
    public double MeanGenerated { get; }

    /// <summary>Whether the task's head sits on the trunk (classes, tags) rather than being the language model itself.</summary>
    public bool HasHead => Kind is TaskKind.Classify or TaskKind.Extract;

    /// <summary>What the task needs of a model: all of it, or for a head only the stack that judges texts.</summary>
    public Transformer Trunk(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return HasHead ? model.Transformer.Reader : model.Transformer;
    }

    public int[] LabelIndices(IReadOnlyList<Example> examples)
    {
        var index = Data.Labels.Select((l, i) => (l, i)).ToDictionary(p => p.l, p => p.i, StringComparer.Ordinal);
        return [.. examples.Select(e => index[e.Label!])];
    }

    /// <summary>The noise that transformers train with on this task.</summary>
    public ItemNoise Noise(ulong seed, string purpose) => new(TextNoise(Definition.Text),
        Data.Train, Encoder, new TokenDropout(Definition.TokenDropout, _vocabulary, Seed(seed, purpose)), Seed(seed, purpose));

    /// <summary>Changes words, but into no held-out text; null where nothing is to be changed.</summary>
    public TextNoise? TextNoise(TextNoiseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.IsNone ? null : new TextNoise(options, new HeldOutTexts([.. Data.Validation, .. Data.Test]));
    }

    /// <summary>The order and the choice of items that transformers train with on this task.</summary>
    public TaskBatches Batches(int tokens, ulong seed) => new(Train, tokens, seed, Definition.Sampling);

    /// <summary>What sampling rare classes more or frequent ones less comes to as weights of the classes, for n-grams; null where all count alike.</summary>
    public IReadOnlyList<float>? ClassWeights => Definition.Sampling is not (ClassSampling.Over or ClassSampling.Under) ? null
        : ClassSampler.BalancedWeights([.. Data.Labels.Select(l => Data.Train.LongCount(e => e.Label == l))]);

    /// <summary>A seed for one purpose of this task.</summary>
    public ulong Seed(ulong seed, string purpose) => Rng.For(seed, $"{Name}/{purpose}").NextUInt64();
}
