using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Models;
using Cleave.Training.Adapters;

namespace Cleave.Training.FineTuning.Options;

/// <summary>What of a model is trained.</summary>
public enum FineTuneMethod
{
    /// <summary>Every weight.</summary>
    Full,

    /// <summary>The task's head alone.</summary>
    Head,

    /// <summary>The last layers, the final norm and the head: of an encoder–decoder those of the stack that the head reads, without a head those of the decoder.</summary>
    Last,

    Lora,
    Dora,
    Ia3,
}

/// <summary>What is minimised.</summary>
public enum LossKind
{
    /// <summary>The cross-entropy of the right class, tag or token.</summary>
    CrossEntropy,

    /// <summary>The focal loss (Lin et al., 2017).</summary>
    Focal,

    /// <summary>Direct preference optimization (Rafailov et al., 2023) over pairs of answers.</summary>
    Dpo,
}

/// <summary>How gradients become updates.</summary>
public sealed record OptimizerOptions
{
    /// <summary>One of <see cref="OptimizerBuilder.Names"/>.</summary>
    public string Name { get; init; } = "adamw";

    /// <summary>The peak; null for one that suits optimizer and method.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Null for what is usual: 0.9 for sgd, 0.95 for muon.</summary>
    public double? Momentum { get; init; }

    public bool Nesterov { get; init; }
    public double Beta1 { get; init; } = 0.9;
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Decoupled; for <c>adam</c> through the gradient, as it was before AdamW.</summary>
    public double WeightDecay { get; init; } = 0.05;

    public double L1 { get; init; }
    public double L2 { get; init; }

    /// <summary>What the learning rate of a layer is multiplied with for every layer above it (Clark et al., 2020); 1 for none.</summary>
    public double LayerDecay { get; init; } = 1;

    /// <summary>0 for none.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>0 for none.</summary>
    public double ClipValue { get; init; }
}

/// <summary>How the learning rate runs.</summary>
public sealed record ScheduleOptions
{
    /// <summary>One of <see cref="ScheduleBuilder.Names"/>.</summary>
    public string Name { get; init; } = "cosine";

    /// <summary>The share of the updates that warm up.</summary>
    public double Warmup { get; init; } = 0.05;

    /// <summary>The last learning rate as a share of the peak.</summary>
    public double FinalShare { get; init; } = 0.05;

    /// <summary>The share of the updates in which warm-up–stable–decay decays.</summary>
    public double Decay { get; init; } = 0.2;

    /// <summary>Times that the cyclic schedule begins anew, the first included.</summary>
    public int Cycles { get; init; } = 4;

    /// <summary>What a plateau multiplies the learning rate with, and after how many validations without improvement.</summary>
    public double PlateauFactor { get; init; } = 0.5;
    public int PlateauPatience { get; init; } = 2;
}

/// <summary>Every choice of a fine-tuning; the same for command lines, project files and recipes (<see cref="FineTuneSettings"/>).</summary>
public sealed record FineTuneOptions
{
    public FineTuneMethod Method { get; init; } = FineTuneMethod.Full;

    /// <summary>How many layers <see cref="FineTuneMethod.Last"/> trains.</summary>
    public int LastLayers { get; init; } = 2;

    public int Rank { get; init; } = 8;

    /// <summary>α of an adapter; null for twice the rank.</summary>
    public double? Alpha { get; init; }

    public bool RankStabilized { get; init; }

    /// <summary>See <see cref="AdapterOptions.Targets"/>.</summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>The share of an adapter's input that is dropped.</summary>
    public double AdapterDropout { get; init; }

    /// <summary>Whether the base's matrices are quantized to Q8_0 before an adapter is trained on them (Dettmers et al., 2023).</summary>
    public bool QuantizeBase { get; init; }

    public OptimizerOptions Optimizer { get; init; } = new();
    public ScheduleOptions Schedule { get; init; } = new();

    /// <summary>Passes over the training items.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Tokens of a micro-batch, about.</summary>
    public int BatchTokens { get; init; } = 1024;

    /// <summary>Micro-batches an update.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Longer items are cut to this many tokens.</summary>
    public int MaxTokens { get; init; } = 256;

    public LossKind Loss { get; init; }

    /// <summary>γ of the focal loss.</summary>
    public double Focus { get; init; } = 2;

    /// <summary>Whether rare classes count as much as frequent ones: each by n / (K · nᵏ).</summary>
    public bool BalanceClasses { get; init; }

    /// <summary>β of direct preference optimization.</summary>
    public double PreferenceBeta { get; init; } = 0.1;

    public double LabelSmoothing { get; init; }
    public double AttentionDropout { get; init; }
    public double ResidualDropout { get; init; }
    public double LayerDrop { get; init; }

    /// <summary>The share of the tokens that are replaced by random ones (<see cref="FineTuning.TokenDropout"/>).</summary>
    public double TokenDropout { get; init; }

    /// <summary>How the words of a classification's training items are changed.</summary>
    public TextNoiseOptions Text { get; init; } = new();

    /// <summary>Which items of each class an epoch has.</summary>
    public ClassSampling Sampling { get; init; }

    /// <summary>Weights of classes such as <c>urgent=4,spam=0.5</c>; empty for 1, or for what <see cref="BalanceClasses"/> gives.</summary>
    public string ClassWeights { get; init; } = "";

    /// <summary>α of <see cref="FineTuning.Mixup"/>; 0 for none.</summary>
    public double Mixup { get; init; }

    /// <summary>The decay of an exponential average of the weights, which is then the result; 0 for none.</summary>
    public double Ema { get; init; }

    /// <summary>The share of the updates, at the end, whose weights are averaged, which is then the result; 0 for none.</summary>
    public double Swa { get; init; }

    /// <summary>Stop after so many validations without a better loss, and give back the best weights; 0 for never.</summary>
    public int EarlyStop { get; init; }

    /// <summary>Updates between validations; 0 for once an epoch.</summary>
    public int ValidateEvery { get; init; }

    /// <summary>How activations wait for the backward pass.</summary>
    public TrainingMemory Memory { get; init; }

    public bool UsesAdapter => Method is FineTuneMethod.Lora or FineTuneMethod.Dora or FineTuneMethod.Ia3;

    /// <summary>The adapter of <see cref="Method"/>.</summary>
    /// <exception cref="InvalidOperationException">The method has none.</exception>
    public AdapterOptions ToAdapter() => new(Method switch
    {
        FineTuneMethod.Lora => AdapterKind.Lora,
        FineTuneMethod.Dora => AdapterKind.Dora,
        FineTuneMethod.Ia3 => AdapterKind.Ia3,
        _ => throw new InvalidOperationException($"the method {Method} has no adapter"),
    })
    { Rank = Rank, Alpha = Alpha ?? 2.0 * Rank, RankStabilized = RankStabilized, Targets = Targets };

    /// <summary>The peak of the learning rate.</summary>
    public double PeakLearningRate => Optimizer.LearningRate ?? OptimizerBuilder.UsualRate(Optimizer.Name, Method);

    /// <summary>The first combination that makes no sense, or null.</summary>
    public string? Problem() => this switch
    {
        { BalanceClasses: true, ClassWeights.Length: > 0 } => "balance-classes and class-weights both weigh the classes: choose one",
        { Ema: > 0, Swa: > 0 } => "ema and swa are two averages of the weights: choose one",
        { QuantizeBase: true, UsesAdapter: false } => "quantize-base is for the methods lora, dora and ia3: other methods change the base's own weights",
        { AdapterDropout: > 0, Method: not (FineTuneMethod.Lora or FineTuneMethod.Dora) } => "adapter-dropout is for the methods lora and dora",
        { Optimizer: { Nesterov: true, Name: not "sgd" } } => "nesterov is for the optimizer sgd",
        { Optimizer: { Nesterov: true, Momentum: 0 } } => "nesterov needs momentum above 0",
        _ => null,
    };
}
