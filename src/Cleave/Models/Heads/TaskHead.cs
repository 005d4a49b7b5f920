using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Models.Heads;

/// <summary>What a head answers for: one label a text, or one a token.</summary>
public enum HeadKind
{
    /// <summary>One label for the whole text.</summary>
    Classify,

    /// <summary>One label for every token.</summary>
    Tag,

    /// <summary>Two scores for every token: that an answer begins there, and that it ends there.</summary>
    Span,
}

/// <summary>Which hidden state of a text is classified.</summary>
public enum Pooling
{
    /// <summary>The mean of all.</summary>
    Mean,

    /// <summary>The first, through the model's pooler: <see cref="Transformer.Pool"/>.</summary>
    First,
}

/// <summary>A linear classifier on top of a transformer's hidden states, for one task.</summary>
public sealed class TaskHead(string task, HeadKind kind, IReadOnlyList<string> labels, Tensor weight, Tensor bias)
{
    public string Task { get; } = task;
    public HeadKind Kind { get; } = kind;

    /// <summary>K labels; for tags, the tag names.</summary>
    public IReadOnlyList<string> Labels { get; } = labels;

    /// <summary>Weight (K, C) and bias (1, K).</summary>
    public DenseLinear Projection { get; } = new(weight, bias);

    /// <summary>For classes: what is projected.</summary>
    public Pooling Pooling { get; init; }

    /// <summary>True: it came with a published model and is stored in the form of its family's files.</summary>
    public bool IsPublished { get; init; }

    /// <summary>True: the trunk runs with causal attention for this task; false: every token sees the whole text.</summary>
    public bool Causal { get; init; }

    /// <summary>A new head, weights normal(0, 0.02), bias zero.</summary>
    public static TaskHead Create(string task, HeadKind kind, IReadOnlyList<string> labels, int width, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Tensor weight = Tensor.Parameter(labels.Count, width), bias = Tensor.Parameter(1, labels.Count);
        foreach (ref float w in weight.Data)
            w = (float)(rng.NextGaussian() * 0.02);
        return new TaskHead(task, kind, labels, weight, bias);
    }

    /// <summary>The trunk's hidden states (N, C) → logits (B, K) for a classifier, (N, K) for the others.</summary>
    public Tensor Forward(Tape tape, Transformer trunk, Tensor hidden, TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(trunk);
        ArgumentNullException.ThrowIfNull(batch);
        if (Kind != HeadKind.Classify)
            return Projection.Forward(tape, hidden);
        return Projection.Forward(tape, Pooling == Pooling.First ? trunk.Pool(tape, hidden, batch) : Op.MeanPool(tape, hidden, batch.Offsets));
    }
}
