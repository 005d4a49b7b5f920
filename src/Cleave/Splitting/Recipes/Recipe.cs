using Cleave.Compression.Pruning;
using Cleave.Training.FineTuning.Options;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

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
public sealed record TransformerRecipe(int Layers, int Groups, int FeedForward, WeightChoice Weights, float SoftWeight, float Temperature)
{
    /// <summary>Layers of the encoder, where there is one besides.</summary>
    public int EncoderLayers { get; init; }

    /// <summary>What decides which layers are kept.</summary>
    public LayerCriterion LayersBy { get; init; } = LayerCriterion.Influence;

    /// <summary>Channels of the residual stream, or null for all.</summary>
    public int? Width { get; init; }

    /// <summary>Whether tokens that the training texts do not use are taken out.</summary>
    public bool UsedVocabulary { get; init; }

    /// <summary>How matrices below 8 bits are rounded: one of <see cref="Compression.Quantization.QuantizationMethod.Names"/>.</summary>
    public string Rounding { get; init; } = "gptq";

    /// <summary>How the student is trained.</summary>
    public FineTuneOptions Training { get; init; } = new();

    public int Epochs => Training.Epochs;
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
    /// <summary>Passes over the training items that are watched: the transformer's, or the n-grams' where there is none.</summary>
    public int Epochs => Transformer?.Epochs ?? Ngrams!.Epochs;

    /// <param name="training">How students train where the trial does not choose.</param>
    public static Recipe From(ParameterSet set, FineTuneOptions? training = null)
    {
        ArgumentNullException.ThrowIfNull(set);
        StudentKind student = !set.TryGet(RecipeParameters.Student, out ParameterValue value) ? StudentKind.Transformer : value.AsText() switch
        {
            "ngrams" => StudentKind.Ngrams,
            "both" => StudentKind.Both,
            _ => StudentKind.Transformer,
        };
        NgramRecipe? ngrams = student == StudentKind.Transformer ? null : new NgramRecipe(set["ngram_rows"].AsInt(), set["ngram_dim"].AsInt(),
            set["ngram_hidden"].AsInt(), set["ngram_bits"].AsInt(), set["ngram_epochs"].AsInt(), set["ngram_learning_rate"].AsDouble(), (float)set["ngram_dropout"].AsDouble(),
            (float)set["ngram_soft_weight"].AsDouble(), (float)set["ngram_temperature"].AsDouble());
        return new Recipe(student, student == StudentKind.Ngrams ? null : TransformerFrom(set, training ?? new FineTuneOptions()), ngrams);
    }

    private static TransformerRecipe TransformerFrom(ParameterSet set, FineTuneOptions training)
    {
        foreach ((string name, ParameterValue value) in set)
            training = RecipeParameters.Find(name).Setting is { } setting ? setting.Set(training, value.ToString()) : training;
        return new TransformerRecipe(set[RecipeParameters.Layers].AsInt(), set[RecipeParameters.Groups].AsInt(), set[RecipeParameters.FeedForward].AsInt(),
            WeightChoice.Find(set[RecipeParameters.Weights].AsText()), (float)set[RecipeParameters.SoftWeight].AsDouble(), (float)set[RecipeParameters.Temperature].AsDouble())
        {
            EncoderLayers = set.TryGet(RecipeParameters.EncoderLayers, out ParameterValue encoder) ? encoder.AsInt() : 0,
            LayersBy = set.TryGet(RecipeParameters.LayersBy, out ParameterValue by) ? Enum.Parse<LayerCriterion>(by.AsText(), ignoreCase: true) : LayerCriterion.Influence,
            Width = set.TryGet(RecipeParameters.Width, out ParameterValue width) ? width.AsInt() : null,
            UsedVocabulary = set.TryGet(RecipeParameters.Vocabulary, out ParameterValue vocabulary) && vocabulary.AsText() == "used",
            Rounding = set.TryGet(RecipeParameters.Rounding, out ParameterValue rounding) ? rounding.AsText() : "gptq",
            Training = training,
        };
    }
}
