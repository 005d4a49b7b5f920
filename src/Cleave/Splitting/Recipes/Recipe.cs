using Cleave.Data;
using Cleave.Models;
using Cleave.Splitting.Projects;
using Cleave.Tuning;

namespace Cleave.Splitting.Studies;

/// <summary>What kind of student a classification module is.</summary>
public enum StudentKind
{
    /// <summary>Hashed n-grams only.</summary>
    Ngrams,

    /// <summary>A pruned transformer.</summary>
    Transformer,

    /// <summary>A pruned transformer with n-grams beside it.</summary>
    Both,
}

/// <summary>How a transformer student is made from the monolith.</summary>
/// <param name="FeedForward">Neurons a layer.</param>
/// <param name="SoftWeight">α of distillation.</param>
public sealed record TransformerRecipe(int Layers, int Groups, int FeedForward, WeightType Weights, double LearningRate, int Epochs, float SoftWeight, float Temperature)
{
    /// <summary>Layers of the encoder, where there is one besides.</summary>
    public int EncoderLayers { get; init; }
}


/// <summary>How an n-gram student is made.</summary>
/// <param name="Bits">Of a table value: 8 or 4.</param>
public sealed record NgramRecipe(int Rows, int Dim, int Hidden, int Bits, int Epochs, double LearningRate, float Dropout, float SoftWeight, float Temperature)
{
    /// <summary>
    /// Passes that usually suffice: some 4,000 updates, whatever the number of texts. Few texts need many passes; they take
    /// seconds all the same.
    /// </summary>
    public static int UsualEpochs(int texts) => Math.Clamp(4000 * UsualBatch / Math.Max(1, texts), 6, 40);

    /// <summary>Feature dropout that usually suffices: many texts of many classes bear more.</summary>
    public static float UsualDropout(int texts) => texts < 4000 ? 0.5f : 0.65f;

    private const int UsualBatch = 32;
}

/// <summary>Every choice that makes one candidate, read from a trial's parameters.</summary>
public sealed record Recipe(StudentKind Student, TransformerRecipe? Transformer, NgramRecipe? Ngrams)
{
    private const string StudentKey = "student", EncoderKey = "encoder_layers";

    /// <summary>Passes over the training items that are watched: the transformer's, or the n-grams' where there is none.</summary>
    public int Epochs => Transformer?.Epochs ?? Ngrams!.Epochs;

    /// <summary>The choices for a task, given the monolith's shape.</summary>
    public static SearchSpace Space(TaskContext task, TransformerSpec monolith)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(monolith);
        bool classify = task.Kind == TaskKind.Classify;
        Condition[] withTransformer = classify ? [new Condition(StudentKey, ["transformer", "both"])] : [];
        Condition[] withNgrams = [new Condition(StudentKey, ["ngrams", "both"])];
        LayerSpec layer = monolith.Layers[0];
        int usual = NgramRecipe.UsualEpochs(task.Data.Train.Count);
        var parameters = new List<Parameter>();
        if (classify)
            parameters.Add(new CategoricalParameter(StudentKey, ["ngrams", "transformer", "both"]));
        int widthStep = WidthStep(layer.FeedForwardWidth);
        int narrowest = Math.Max(widthStep, layer.FeedForwardWidth / 4 / widthStep * widthStep);
        parameters.AddRange([
            new IntParameter("layers", 1, monolith.Layers.Count, when: withTransformer),
            new IntParameter("groups", Math.Max(1, layer.KeyValueHeads / 3), layer.KeyValueHeads, when: withTransformer),
            new IntParameter("feed_forward", narrowest, layer.FeedForwardWidth, step: widthStep, when: withTransformer),
            new CategoricalParameter("weights", ["q8", "bf16"], when: withTransformer),
            new FloatParameter("learning_rate", 3e-4, 4e-3, log: true, when: withTransformer),
            new IntParameter("epochs", 2, 6, when: withTransformer),
            new FloatParameter("soft_weight", 0, 1, when: withTransformer),
            new CategoricalParameter("temperature", [1, 2, 4], when: withTransformer),
        ]);
        if (monolith.Encoder is { } encoder)
            parameters.Add(new IntParameter(EncoderKey, 1, encoder.Layers.Count, when: withTransformer));
        if (classify)
        {
            parameters.AddRange([
                new IntParameter("ngram_rows", 1000, 64_000, log: true, when: withNgrams),
                new CategoricalParameter("ngram_dim", [32, 64, 96], when: withNgrams),
                new CategoricalParameter("ngram_hidden", [0, 128, 256], when: withNgrams),
                new CategoricalParameter("ngram_bits", [8, 4], when: withNgrams),
                new IntParameter("ngram_epochs", Math.Max(2, usual / 2), 2 * usual, log: true, when: withNgrams),
                new FloatParameter("ngram_learning_rate", 1e-3, 6e-3, log: true, when: withNgrams),
                new FloatParameter("ngram_dropout", 0.2, 0.8, when: withNgrams),
                new FloatParameter("ngram_soft_weight", 0, 1, when: withNgrams),
                new CategoricalParameter("ngram_temperature", [1, 2, 4], when: withNgrams),
            ]);
        }
        return new SearchSpace(parameters);
    }

    /// <summary>
    /// Where every search starts: what usually works, so that a few trials are enough for a good module. What the budget
    /// does not allow is narrowed until it does, if it can be.
    /// </summary>
    /// <param name="texts">Training texts.</param>
    /// <param name="allows">Whether a transformer of this shape and weights is within the budget.</param>
    public static IEnumerable<ParameterSet> Starts(TaskKind kind, int texts, TransformerSpec monolith, Func<TransformerSpec, WeightType, bool> allows)
    {
        ArgumentNullException.ThrowIfNull(allows);
        ArgumentNullException.ThrowIfNull(monolith);
        LayerSpec layer = monolith.Layers[0];
        int half = Math.Max(1, monolith.Layers.Count / 2), quarter = Math.Max(1, monolith.Layers.Count / 4);
        int step = WidthStep(layer.FeedForwardWidth);
        int halfWidth = Math.Max(step, layer.FeedForwardWidth / 2 / step * step), narrowest = Math.Max(step, layer.FeedForwardWidth / 4 / step * step);
        List<(string, ParameterValue)> Transformer(int layers, int width)
        {
            int fits = width;
            while (fits > narrowest && !allows(Pruned(monolith, layers, fits), WeightType.Q8))
                fits -= step;
            List<(string, ParameterValue)> values = [("layers", layers), ("groups", layer.KeyValueHeads), ("feed_forward", fits), ("weights", "q8"), ("learning_rate", 1.5e-3),
                ("epochs", 4), ("soft_weight", 0.5), ("temperature", 2)];
            if (monolith.Encoder is { } encoder)
                values.Add((EncoderKey, EncoderLayers(monolith, encoder, layers)));
            return values;
        }
        if (kind == TaskKind.Classify)
        {
            List<(string, ParameterValue)> Ngrams(int rows, int bits) => [("ngram_rows", rows), ("ngram_dim", 64), ("ngram_hidden", 256),
                ("ngram_bits", bits), ("ngram_epochs", NgramRecipe.UsualEpochs(texts)), ("ngram_learning_rate", 2e-3),
                ("ngram_dropout", NgramRecipe.UsualDropout(texts)), ("ngram_soft_weight", 0.3), ("ngram_temperature", 2)];
            yield return Set([(StudentKey, "ngrams"), .. Ngrams(64_000, 8)]);
            yield return Set([(StudentKey, "ngrams"), .. Ngrams(24_000, 4)]);
            yield return Set([(StudentKey, "both"), .. Transformer(quarter, halfWidth), .. Ngrams(64_000, 4)]);
            yield return Set([(StudentKey, "transformer"), .. Transformer(half, halfWidth)]);
            yield break;
        }
        yield return Set(Transformer(half, halfWidth));
        yield return Set(Transformer(quarter, layer.FeedForwardWidth));
        yield return Set(Transformer(quarter, halfWidth));
    }

    private static TransformerSpec Pruned(TransformerSpec monolith, int layers, int width) => monolith with
    {
        Layers = [.. monolith.Layers.Take(layers).Select(l => l with { FeedForwardWidth = Math.Min(width, l.FeedForwardWidth) })],
        Encoder = monolith.Encoder is { } encoder ? Pruned(encoder, EncoderLayers(monolith, encoder, layers), width) : null,
    };

    /// <summary>The same share of an encoder's layers as of the decoder's.</summary>
    private static int EncoderLayers(TransformerSpec monolith, TransformerSpec encoder, int layers) =>
        Math.Max(1, encoder.Layers.Count * layers / monolith.Layers.Count);

    /// <summary>Widths that kernels like, as far as the monolith's own is one.</summary>
    private static int WidthStep(int width) => Array.Find([32, 16, 8], step => width % step == 0) is > 0 and int found ? found : 1;

    public static Recipe From(ParameterSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        StudentKind student = !set.TryGet(StudentKey, out ParameterValue value) ? StudentKind.Transformer : value.AsText() switch
        {
            "ngrams" => StudentKind.Ngrams,
            "both" => StudentKind.Both,
            _ => StudentKind.Transformer,
        };
        TransformerRecipe? transformer = student == StudentKind.Ngrams ? null : new TransformerRecipe(set["layers"].AsInt(), set["groups"].AsInt(),
            set["feed_forward"].AsInt(), set["weights"].AsText() == "q8" ? WeightType.Q8 : WeightType.BF16, set["learning_rate"].AsDouble(),
            set["epochs"].AsInt(), (float)set["soft_weight"].AsDouble(), (float)set["temperature"].AsDouble())
        { EncoderLayers = set.TryGet(EncoderKey, out ParameterValue encoderLayers) ? encoderLayers.AsInt() : 0 };
        NgramRecipe? ngrams = student == StudentKind.Transformer ? null : new NgramRecipe(set["ngram_rows"].AsInt(), set["ngram_dim"].AsInt(),
            set["ngram_hidden"].AsInt(), set["ngram_bits"].AsInt(), set["ngram_epochs"].AsInt(), set["ngram_learning_rate"].AsDouble(), (float)set["ngram_dropout"].AsDouble(),
            (float)set["ngram_soft_weight"].AsDouble(), (float)set["ngram_temperature"].AsDouble());
        return new Recipe(student, transformer, ngrams);
    }

    private static ParameterSet Set(IEnumerable<(string Name, ParameterValue Value)> values) => new(values.Select(v => KeyValuePair.Create(v.Name, v.Value)));
}
