using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Data;
using Cleave.Models;
using Cleave.Training.FineTuning.Options;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

/// <summary>
/// Every choice of a recipe. The first ones are what a search looks through when the project says nothing; their order decides, with the seed,
/// which recipes it tries, so new ones stand behind them.
/// </summary>
public static class RecipeParameters
{
    public const string Student = "student", Layers = "layers", EncoderLayers = "encoder_layers", Groups = "groups", FeedForward = "feed_forward",
        Weights = "weights", LearningRate = "learning_rate", Epochs = "epochs", SoftWeight = "soft_weight", Temperature = "temperature",
        Rounding = "rounding", LayersBy = "layers_by", Width = "width", Vocabulary = "vocabulary", Method = "method", Optimizer = "optimizer", Loss = "loss";

    internal const double UsualRate = 1.5e-3; // of AdamW
    private const double LowestRate = 3e-4, HighestRate = 4e-3;
    private static readonly string[] WithTransformer = ["transformer", "both"], WithNgrams = ["ngrams", "both"];
    private static readonly string[] Schedules = [.. ScheduleBuilder.Names.Where(n => n != "plateau")]; // which waits for validation losses

    public static IReadOnlyList<RecipeParameter> All { get; } =
    [
        new(Student, "What a classifier is: hashed n-grams, a pruned transformer, or both with their logits mixed.", s => s.Classifies ? Of(Student, ["ngrams", "transformer", "both"]) : null,
            _ => "transformer") { Usual = s => Of(Student, ["ngrams", "transformer", "both"]) },
        Shape(Layers, "Layers that are kept.", s => Int(Layers, 1, s.Model.Layers.Count), s => s.Model.Layers.Count, s => Int(Layers, 1, s.Model.Layers.Count)),
        Shape(Groups, "Key-value groups a layer that are kept, each with the query heads that share it.", s => Int(Groups, 1, Layer(s).KeyValueHeads), s => Layer(s).KeyValueHeads,
            s => Int(Groups, Math.Max(1, Layer(s).KeyValueHeads / 3), Layer(s).KeyValueHeads)),
        Shape(FeedForward, "Feed-forward neurons a layer that are kept.", s => Int(FeedForward, 1, Layer(s).FeedForwardWidth), s => Layer(s).FeedForwardWidth,
            s => Int(FeedForward, NarrowestFeedForward(s.Model), Layer(s).FeedForwardWidth, WidthStep(Layer(s).FeedForwardWidth))),
        Shape(Weights, "How matrices are stored: 8 bits, bfloat16, or one of llama.cpp's mixes of types in a GGUF file.", s => Of(Weights, WeightChoice.Legal(s.Model)), _ => "q8",
            _ => Of(Weights, ["q8", "bf16"])) with { Refusal = (s, v) => WeightChoice.Refusal(s.Model, v) },
        Shape(LearningRate, "The highest learning rate.", _ => new FloatParameter(LearningRate, 1e-9, 100, log: true), DefaultRate, s => new FloatParameter(LearningRate, LowestRate, HighestRate, log: true)),
        Shape(Epochs, "Passes over the training items.", _ => Int(Epochs, 1, 1000), _ => 4, _ => Int(Epochs, 2, 6)),
        Shape(SoftWeight, "Share of the loss that is the monolith's answers instead of the data's.", _ => new FloatParameter(SoftWeight, 0, 1), _ => 0.5, _ => new FloatParameter(SoftWeight, 0, 1)),
        Shape(Temperature, "What the monolith's logits are divided by before they teach.", _ => new FloatParameter(Temperature, 0.1, 100), _ => 2, _ => Of(Temperature, [1, 2, 4])),
        Shape(EncoderLayers, "Layers of the encoder that are kept.", s => s.Model.Encoder is { } e ? Int(EncoderLayers, 1, e.Layers.Count) : null, s => s.Model.Encoder!.Layers.Count,
            s => Int(EncoderLayers, 1, s.Model.Encoder!.Layers.Count)) with { Needs = "an encoder besides its decoder" },
        Ngrams("rows", "Most rows of the table of n-grams.", _ => Int("ngram_rows", 1, 10_000_000), 64_000, _ => Int("ngram_rows", 1000, 64_000, log: true)),
        Ngrams("dim", "Length of a row.", _ => Int("ngram_dim", 1, 4096), 64, _ => Of("ngram_dim", [32, 64, 96])),
        Ngrams("hidden", "Width of the hidden layer behind them; 0 for none.", _ => Int("ngram_hidden", 0, 4096), 256, _ => Of("ngram_hidden", [0, 128, 256])),
        Ngrams("bits", "Bits of a table's value.", _ => Of("ngram_bits", [8, 4]), 8, _ => Of("ngram_bits", [8, 4])),
        Ngrams("epochs", "Passes over the training texts.", _ => Int("ngram_epochs", 1, 1000), 0, s => UsualNgramEpochs(s.Texts)) with { Default = s => NgramRecipe.UsualEpochs(s.Texts) },
        Ngrams("learning_rate", "The highest learning rate of the n-grams.", _ => new FloatParameter("ngram_learning_rate", 1e-9, 10, log: true), 2e-3, _ => new FloatParameter("ngram_learning_rate", 1e-3, 6e-3, log: true)),
        Ngrams("dropout", "Share of the n-grams that are left out of a training text.", _ => new FloatParameter("ngram_dropout", 0, 0.95), 0, _ => new FloatParameter("ngram_dropout", 0.2, 0.8))
            with { Default = s => NgramRecipe.UsualDropout(s.Texts) },
        Ngrams("soft_weight", "Share of the n-grams' loss that is the monolith's answers.", _ => new FloatParameter("ngram_soft_weight", 0, 1), 0.3, _ => new FloatParameter("ngram_soft_weight", 0, 1)),
        Ngrams("temperature", "What the monolith's logits are divided by before they teach n-grams.", _ => new FloatParameter("ngram_temperature", 0.1, 100), 2, _ => Of("ngram_temperature", [1, 2, 4])),
        new(Rounding, "How matrices below 8 bits are rounded: to nearest, or so that the outputs on the task's own texts change least.",
            s => WeightChoice.Legal(s.Model).Any(WeightChoice.IsMix) ? Of(Rounding, [.. QuantizationMethod.Names.Select(n => (ParameterValue)n)]) : null, _ => "gptq")
        {
            Usual = _ => Of(Rounding, ["rtn", "gptq"]),
            When = s => (Weights, [.. WeightChoice.Legal(s.Model).Where(WeightChoice.IsMix).Select(v => v.AsText())]),
            Needs = "a form in GGUF files",
        },
        Extra(LayersBy, "Which layers are kept: those that change most what passes them, the first ones, or those that the task's loss needs most.",
            s => Of(LayersBy, s.Model.Encoder is null ? ["loss", "influence", "position"] : ["influence", "position"]), _ => "influence"),
        Extra(Width, "Channels of the residual stream that are kept, by its principal components.",
            s => s.Model is { Norm: NormKind.Rms, NormPlace: NormPlace.Before, Encoder: null, Bidirectional: false } && s.Model.Layers.All(l => l.Experts is null)
                && s.Model.Width % 8 == 0 ? Int(Width, 8, s.Model.Width, 8) : null, s => s.Model.Width) with { Needs = "RMS norms before each part and one stack" },
        Extra(Vocabulary, "Whether tokens that the training texts do not use are taken out.", s => s.Model.Encoder is null ? Of(Vocabulary, ["whole", "used"]) : null, _ => "whole") with { Needs = "one stack" },
        Extra(Method, "What of a student is trained: everything, its last layers, its head, or an adapter that is merged before the module is stored.",
            s => Of(Method, s.HasHead ? ["full", "last", "head", "lora", "dora", "ia3"] : ["full", "last", "lora", "dora", "ia3"]), s => s.Training.Method.ToString().ToLowerInvariant()),
        Extra("last_layers", "Layers that the method last trains.", s => Int("last_layers", 1, s.Model.Layers.Count), s => Math.Min(s.Training.LastLayers, s.Model.Layers.Count)) with
        {
            When = _ => (Method, ["last"]),
            Usual = s => Int("last_layers", 1, Math.Max(1, s.Model.Layers.Count / 2)),
        },
        Extra("rank", "Rank of lora and dora.", _ => Int("rank", 1, 4096), s => s.Training.Rank) with { When = _ => (Method, ["lora", "dora"]), Usual = _ => Of("rank", [4, 8, 16, 32]) },
        Extra(Optimizer, "How gradients become updates.", _ => Of(Optimizer, [.. OptimizerBuilder.Names.Select(n => (ParameterValue)n)]), s => s.Training.Optimizer.Name),
        Extra("weight_decay", "Decay of matrices.", _ => new FloatParameter("weight_decay", 0, 100), s => s.Training.Optimizer.WeightDecay),
        Extra("schedule", "How the learning rate runs.", _ => Of("schedule", [.. Schedules.Select(n => (ParameterValue)n)]), s => s.Training.Schedule.Name),
        Extra("batch_tokens", "Tokens of an update, about.", _ => Int("batch_tokens", 16, 1 << 20), s => s.Training.BatchTokens),
        Extra(Loss, "What is minimised on the data's answers.", s => s.HasHead ? Of(Loss, ["cross-entropy", "focal"]) : null, s => s.Training.Loss == LossKind.Focal ? "focal" : "cross-entropy"),
        Extra("focal_gamma", "How much less the focal loss counts what is already right.", s => s.HasHead ? new FloatParameter("focal_gamma", 0, 20) : null, s => s.Training.Focus) with
        {
            When = _ => (Loss, ["focal"]),
            Usual = _ => Of("focal_gamma", [1, 2, 3]),
        },
        Extra("balance_classes", "Whether rare classes count as much as frequent ones.", s => s.HasHead ? Of("balance_classes", [false, true]) : null, s => s.Training.BalanceClasses),
        Extra("label_smoothing", "Share of the target that all classes share.", _ => new FloatParameter("label_smoothing", 0, 0.9), s => s.Training.LabelSmoothing),
        Extra("attention_dropout", "Share of attention's probabilities that are dropped.", s => s.Model.AttentionSoftCap > 0 || s.Model.Position == PositionKind.RelativeBias || s.Model.Encoder is not null ? null : new FloatParameter("attention_dropout", 0, 0.9), s => s.Training.AttentionDropout)
            with { Needs = "attention without a cap or a bias of positions" },
        Extra("residual_dropout", "Share of what layers add that is dropped.", s => s.Model.Encoder is null ? new FloatParameter("residual_dropout", 0, 0.9) : null, s => s.Training.ResidualDropout) with { Needs = "one stack" },
        Extra("layer_drop", "Share of layers that are skipped.", s => s.Model.Encoder is null ? new FloatParameter("layer_drop", 0, 0.9) : null, s => s.Training.LayerDrop) with { Needs = "one stack" },
        Extra("token_dropout", "Share of the tokens read that are replaced by random ones.", s => s.HasHead ? new FloatParameter("token_dropout", 0, 0.9) : null, s => s.Training.TokenDropout),
        Extra("ema", "Decay of an exponential average of the weights, the result then; 0 for none.", _ => new FloatParameter("ema", 0, 0.9999), s => s.Training.Ema),
    ];

    private static readonly Dictionary<string, RecipeParameter> ByName = All.ToDictionary(p => p.Name, StringComparer.Ordinal);

    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public static RecipeParameter Find(string name) => ByName[name];

    /// <summary>Widths that kernels like, as far as the monolith's own is one.</summary>
    public static int WidthStep(int width) => Array.Find([32, 16, 8], step => width % step == 0) is > 0 and int found ? found : 1;

    /// <summary>The fewest neurons a layer that are looked at.</summary>
    public static int NarrowestFeedForward(TransformerSpec model)
    {
        ArgumentNullException.ThrowIfNull(model);
        int width = model.Layers[0].FeedForwardWidth, step = WidthStep(width);
        return Math.Max(step, width / 4 / step * step);
    }

    /// <summary>How much an optimizer's usual learning rate is above AdamW's.</summary>
    internal static double RateOf(string optimizer) => OptimizerBuilder.UsualRate(optimizer, FineTuneMethod.Full) / OptimizerBuilder.UsualRate("adamw", FineTuneMethod.Full);

    /// <summary>The range of learning rates where some optimizers are tried.</summary>
    internal static Parameter Rates(IReadOnlyList<string> optimizers) =>
        new FloatParameter(LearningRate, LowestRate * optimizers.Min(RateOf), HighestRate * optimizers.Max(RateOf), log: true);

    private static ParameterValue DefaultRate(RecipeScope s) => s.Training.Optimizer.LearningRate ?? UsualRate * RateOf(s.Training.Optimizer.Name);

    private static LayerSpec Layer(RecipeScope s) => s.Model.Layers[0];

    private static IntParameter UsualNgramEpochs(int texts) => Int("ngram_epochs", Math.Max(2, NgramRecipe.UsualEpochs(texts) / 2), 2 * NgramRecipe.UsualEpochs(texts), log: true);

    // Of the transformer: always searched.
    private static RecipeParameter Shape(string name, string description, Func<RecipeScope, Parameter?> legal, Func<RecipeScope, ParameterValue> otherwise, Func<RecipeScope, Parameter?> usual) =>
        new(name, description, legal, otherwise) { Usual = usual, When = ForTransformers };

    // Of the transformer: searched where the project asks for it.
    private static RecipeParameter Extra(string name, string description, Func<RecipeScope, Parameter?> legal, Func<RecipeScope, ParameterValue> otherwise) =>
        new(name, description, legal, otherwise) { When = ForTransformers };

    private static RecipeParameter Ngrams(string name, string description, Func<RecipeScope, Parameter?> legal, double otherwise, Func<RecipeScope, Parameter?> usual) =>
        new("ngram_" + name, description, s => s.Classifies ? legal(s) : null, _ => otherwise) { Usual = usual, When = _ => (Student, WithNgrams) };

    private static (string, string[])? ForTransformers(RecipeScope s) => s.Classifies ? (Student, WithTransformer) : null;

    private static CategoricalParameter Of(string name, IReadOnlyList<ParameterValue> choices) => new(name, choices);

    private static IntParameter Int(string name, int low, int high, int step = 1, bool log = false) => new(name, low, high, log, step);
}
