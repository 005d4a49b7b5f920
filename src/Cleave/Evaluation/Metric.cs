using Cleave.Data;
using Cleave.Evaluation.Metrics;
using Cleave.Formats;

namespace Cleave.Evaluation;

/// <summary>Turns predictions into a metric's per-item statistics.</summary>
internal delegate IScored Scorer(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions);

/// <summary>A measure of quality: a name, a direction, and how to score predictions.</summary>
public sealed class Metric
{
    private readonly Scorer _score;

    internal Metric(string name, TaskKind[] kinds, Scorer score, bool higherIsBetter = true) =>
        (Name, Kinds, _score, HigherIsBetter) = (name, kinds, score, higherIsBetter);

    /// <summary>The share of labels that are right.</summary>
    public static Metric Accuracy { get; } = new("accuracy", [TaskKind.Classify], LabelScored.Accuracy);

    /// <summary>The mean over classes of F1 = 2TP / (2TP + FP + FN); over the classes that occur in the items' labels or
    /// predictions (a missing prediction is no class).</summary>
    public static Metric MacroF1 { get; } = new("macro-f1", [TaskKind.Classify], LabelScored.MacroF1);

    /// <summary>The correlation of labels and predictions (Matthews 1975; R_K of Gorodkin 2004 for more than two
    /// classes); 0 where it is undefined.</summary>
    public static Metric Matthews { get; } = new("matthews", [TaskKind.Classify], LabelScored.Matthews);

    /// <summary>The share of answers equal to the expected ones after SQuAD's normalisation.</summary>
    public static Metric ExactMatch { get; } = new("exact-match", [TaskKind.Generate, TaskKind.Extract], TextScored.ExactMatch);

    /// <summary>The mean F1 of the words of answer and expected answer after SQuAD's normalisation (Rajpurkar et al.
    /// 2016).</summary>
    public static Metric TokenF1 { get; } = new("token-f1", [TaskKind.Generate, TaskKind.Extract], TextScored.TokenF1);

    /// <summary>The mean F1 of the longest common subsequence of words (Lin 2004), without stemming.</summary>
    public static Metric RougeL { get; } = new("rouge-l", [TaskKind.Generate], TextScored.RougeL);

    /// <summary>Micro F1 over spans, right only where start, end and label all agree; 1 where there is nothing to find
    /// and nothing found.</summary>
    public static Metric SpanF1 { get; } = new("span-f1", [TaskKind.Extract], RatioScored.SpanF1);

    /// <summary>exp(sum of negative log-likelihoods / number of tokens); lower is better.</summary>
    public static Metric Perplexity { get; } =
        new("perplexity", [TaskKind.LanguageModel, TaskKind.Generate], RatioScored.Perplexity, higherIsBetter: false);

    /// <summary>As users write it.</summary>
    public string Name { get; }

    /// <summary>The kinds of task that it fits.</summary>
    public IReadOnlyList<TaskKind> Kinds { get; }

    public bool HigherIsBetter { get; }

    /// <summary>
    /// F1 of one class where the examples have two: of <paramref name="positive"/>, or of the rarer one (of two equally
    /// frequent ones the last in ordinal order); else micro F1, which for one label an item equals accuracy.
    /// </summary>
    public static Metric F1(string? positive = null) =>
        new("f1", [TaskKind.Classify], (m, e, p) => LabelScored.F1(m, e, p, positive));

    /// <summary>The metric for a kind of task where none is named: macro-f1, rouge-l, span-f1, perplexity.</summary>
    public static Metric Default(TaskKind kind) => kind switch
    {
        TaskKind.Classify => MacroF1,
        TaskKind.Generate => RougeL,
        TaskKind.Extract => SpanF1,
        TaskKind.LanguageModel => Perplexity,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The names that fit a kind of task, the default first.</summary>
    public static IReadOnlyList<string> Names(TaskKind kind) =>
        [.. All().Where(m => m.Kinds.Contains(kind)).OrderBy(m => m.Name == Default(kind).Name ? 0 : 1).Select(m => m.Name)];

    /// <param name="positive">The positive class of <c>f1</c>.</param>
    /// <exception cref="CleaveException">No metric of this kind has that name.</exception>
    public static Metric Parse(string name, TaskKind kind, string? positive = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (All(positive).FirstOrDefault(m => m.Name == name) is not { } metric)
            throw new CleaveException($"there is no metric '{name}'; {Suggest.Hint(name, Names(kind))}");
        if (!metric.Kinds.Contains(kind))
        {
            throw new CleaveException(
                $"the metric '{name}' does not fit this kind of task; valid: {string.Join(", ", Names(kind))}");
        }
        return metric;
    }

    /// <summary>Scores each prediction against the example at the same place.</summary>
    /// <exception cref="ArgumentException">The counts differ, there is no item, or a prediction lacks what the metric
    /// needs.</exception>
    public IScored Score(IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(predictions);
        if (examples.Count != predictions.Count)
            throw new ArgumentException($"{examples.Count} examples but {predictions.Count} predictions", nameof(predictions));
        if (examples.Count == 0)
            throw new ArgumentException("there is nothing to score", nameof(examples));
        return _score(this, examples, predictions);
    }

    public override string ToString() => Name;

    private static Metric[] All(string? positive = null) =>
        [Accuracy, F1(positive), MacroF1, Matthews, ExactMatch, TokenF1, RougeL, SpanF1, Perplexity];
}
