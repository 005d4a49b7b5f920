using Cleave.Data.Balancing;
using Cleave.Formats.Yaml;

namespace Cleave.Training.FineTuning.Options;

/// <summary>Every setting of <see cref="FineTuneOptions"/> by name, in the order of help pages: what <c>--name</c> and <c>name:</c> mean.</summary>
public static class FineTuneSettings
{
    private static readonly string[] Methods = ["full", "head", "last", "lora", "dora", "ia3"], Losses = ["cross-entropy", "focal", "dpo"], Samplings = ["none", "stratified", "over", "under"];

    /// <summary>Settings of a task rather than of a training: what its items are like.</summary>
    public static IReadOnlyList<string> OfTasks { get; } = ["typos", "word-dropout", "synonyms", "synonym-share", "sampling"];

    public static IReadOnlyList<Setting> All { get; } =
    [
        Setting.Choice("method", "What is trained: every weight (full, the default), the task's head, the last layers, or an adapter beside frozen weights (lora, dora, ia3).", Methods,
            (o, v) => o with { Method = (FineTuneMethod)Array.IndexOf(Methods, v) }),
        Setting.Integer("last-layers", "Layers that the method last trains (2).", 1, 10_000, (o, v) => o with { LastLayers = v }),
        Setting.Integer("rank", "Rank of lora and dora (8).", 1, 4096, (o, v) => o with { Rank = v }),
        Setting.Number("alpha", "Scale of lora and dora: what they add counts alpha / rank (twice the rank).", 1e-3, 1e6, (o, v) => o with { Alpha = v }),
        Setting.Flag("rank-stabilized", "Count what an adapter adds alpha / sqrt(rank), for high ranks (false).", (o, v) => o with { RankStabilized = v }),
        Setting.Words("targets", "Matrices that get an adapter, such as q_proj,v_proj or c_attn (all of the layers; for ia3 k_proj,v_proj,down_proj).", (o, v) => o with { Targets = v }),
        Setting.Number("adapter-dropout", "Share of an adapter's input that is dropped (0).", 0, 0.9, (o, v) => o with { AdapterDropout = v }),
        Setting.Flag("quantize-base", "Hold the frozen base in 8 bits while an adapter is trained (false).", (o, v) => o with { QuantizeBase = v }),
        Setting.Choice("optimizer", "How gradients become updates (adamw).", OptimizerBuilder.Names, (o, v) => o with { Optimizer = o.Optimizer with { Name = v } }),
        Setting.Number("learning-rate", "The highest learning rate (unless given, one that suits optimizer and method).", 1e-9, 100, (o, v) => o with { Optimizer = o.Optimizer with { LearningRate = v } }),
        Setting.Number("momentum", "Of sgd and muon (0.9; muon 0.95).", 0, 0.9999, (o, v) => o with { Optimizer = o.Optimizer with { Momentum = v } }),
        Setting.Flag("nesterov", "Nesterov's momentum for sgd (false); muon always has it.", (o, v) => o with { Optimizer = o.Optimizer with { Nesterov = v } }),
        Setting.Number("beta1", "How slowly the mean of gradients moves (0.9).", 0, 0.9999, (o, v) => o with { Optimizer = o.Optimizer with { Beta1 = v } }),
        Setting.Number("beta2", "How slowly the mean of their squares moves (0.99).", 0, 0.99999, (o, v) => o with { Optimizer = o.Optimizer with { Beta2 = v } }),
        Setting.Number("weight-decay", "Decoupled weight decay of matrices (0.05); with adam through the gradient.", 0, 100, (o, v) => o with { Optimizer = o.Optimizer with { WeightDecay = v } }),
        Setting.Number("l1", "L1 penalty of matrices, by its proximal step: makes weights exactly 0 (0).", 0, 1e3, (o, v) => o with { Optimizer = o.Optimizer with { L1 = v } }),
        Setting.Number("l2", "L2 penalty of matrices, through the gradient (0).", 0, 1e3, (o, v) => o with { Optimizer = o.Optimizer with { L2 = v } }),
        Setting.Number("layer-decay", "Learning rate of a layer over that of the layer above it (1).", 0.01, 1, (o, v) => o with { Optimizer = o.Optimizer with { LayerDecay = v } }),
        Setting.Number("clip-norm", "Longest gradient of all weights together; 0 for any (1).", 0, 1e9, (o, v) => o with { Optimizer = o.Optimizer with { ClipNorm = v } }),
        Setting.Number("clip-value", "Largest element of a gradient; 0 for any (0).", 0, 1e9, (o, v) => o with { Optimizer = o.Optimizer with { ClipValue = v } }),
        Setting.Choice("schedule", "How the learning rate runs (cosine).", ScheduleBuilder.Names, (o, v) => o with { Schedule = o.Schedule with { Name = v } }),
        Setting.Number("warmup", "Share of the updates that warm up (0.05).", 0, 0.9, (o, v) => o with { Schedule = o.Schedule with { Warmup = v } }),
        Setting.Number("final-share", "Last learning rate as a share of the highest (0.05).", 0, 1, (o, v) => o with { Schedule = o.Schedule with { FinalShare = v } }),
        Setting.Number("decay-share", "Share of the updates in which the schedule stable decays (0.2).", 0, 1, (o, v) => o with { Schedule = o.Schedule with { Decay = v } }),
        Setting.Integer("cycles", "Times that the schedule cyclic begins at the highest learning rate (4).", 1, 1000, (o, v) => o with { Schedule = o.Schedule with { Cycles = v } }),
        Setting.Number("plateau-factor", "What the schedule plateau multiplies the learning rate with (0.5).", 0.01, 0.99, (o, v) => o with { Schedule = o.Schedule with { PlateauFactor = v } }),
        Setting.Integer("plateau-patience", "Validations without improvement that it bears (2).", 0, 10_000, (o, v) => o with { Schedule = o.Schedule with { PlateauPatience = v } }),
        Setting.Integer("epochs", "Passes over the training items (3).", 1, 100_000, (o, v) => o with { Epochs = v }),
        Setting.Integer("batch-tokens", "Tokens of a micro-batch (1024).", 16, 1 << 20, (o, v) => o with { BatchTokens = v }),
        Setting.Integer("accumulate", "Micro-batches an update (1).", 1, 65_536, (o, v) => o with { Accumulate = v }),
        Setting.Integer("max-tokens", "Items are cut to this many tokens (256).", 4, 1 << 20, (o, v) => o with { MaxTokens = v }),
        Setting.Choice("loss", "What is minimised (cross-entropy); dpo needs pairs of answers.", Losses, (o, v) => o with { Loss = (LossKind)Array.IndexOf(Losses, v) }),
        Setting.Number("focal-gamma", "How much less the focal loss counts what is already right (2).", 0, 20, (o, v) => o with { Focus = v }),
        Setting.Flag("balance-classes", "Let rare classes count as much as frequent ones (false).", (o, v) => o with { BalanceClasses = v }),
        Setting.Number("dpo-beta", "How closely dpo keeps to the model that it starts from (0.1).", 1e-4, 100, (o, v) => o with { PreferenceBeta = v }),
        Setting.Number("label-smoothing", "Share of the target that all classes share (0).", 0, 0.9, (o, v) => o with { LabelSmoothing = v }),
        Setting.Number("attention-dropout", "Share of attention's probabilities that are dropped (0).", 0, 0.9, (o, v) => o with { AttentionDropout = v }),
        Setting.Number("residual-dropout", "Share of what layers add that is dropped (0).", 0, 0.9, (o, v) => o with { ResidualDropout = v }),
        Setting.Number("layer-drop", "Share of layers that are skipped (0).", 0, 0.9, (o, v) => o with { LayerDrop = v }),
        Setting.Number("token-dropout", "Share of the tokens read that are replaced by random ones (0).", 0, 0.9, (o, v) => o with { TokenDropout = v }),
        Setting.Number("typos", "Share of the words of a text to classify that get a typing error (0).", 0, 0.9, (o, v) => o with { Text = o.Text with { Typos = v } }),
        Setting.Number("word-dropout", "Share of its words that are left out (0).", 0, 0.9, (o, v) => o with { Text = o.Text with { WordDropout = v } }),
        Setting.File("synonyms", "Words that mean the same, a group a line, parted by commas; they take each other's places.", (o, v) => o with { Text = o.Text with { Synonyms = v } }),
        Setting.Number("synonym-share", "Share of the words with synonyms that are replaced (0.15).", 0.001, 1, (o, v) => o with { Text = o.Text with { SynonymShare = v } }),
        Setting.Choice("sampling", "Items of an epoch by class: all, evenly spread, rare ones several times, or as many of each class as of the rarest (none).", Samplings,
            (o, v) => o with { Sampling = (ClassSampling)Array.IndexOf(Samplings, v) }),
        Setting.Weights("class-weights", "How much single classes count, the others 1.", (o, v) => o with { ClassWeights = v }),
        Setting.Number("mixup", "Mix what the head reads of two texts, and their labels, by shares from Beta(X, X); 0.2 to 1 (0: none).", 0, 10, (o, v) => o with { Mixup = v }),
        Setting.Number("ema", "Decay of an exponential average of the weights, the result then (0: none).", 0, 0.999999, (o, v) => o with { Ema = v }),
        Setting.Number("swa", "Share of the updates, at the end, whose weights are averaged, the result then (0: none).", 0, 1, (o, v) => o with { Swa = v }),
        Setting.Integer("early-stop", "Stop after so many validations without a better loss, with the best weights (0: never).", 0, 100_000, (o, v) => o with { EarlyStop = v }),
        Setting.Integer("validate-every", "Updates between validations (0: once an epoch).", 0, int.MaxValue, (o, v) => o with { ValidateEvery = v }),
        Setting.Flag("recompute", "Compute activations twice to save memory (false).", (o, v) => o with { Memory = o.Memory with { Recompute = v } }),
        Setting.Choice("activations", "How activations wait for the backward pass (float32).", ["float32", "bfloat16"], (o, v) => o with { Memory = o.Memory with { BFloat16 = v == "bfloat16" } }),
    ];

    /// <summary>Settings that only some choices read: given with others they would do nothing.</summary>
    private static readonly (string[] Names, Func<FineTuneOptions, bool> Reads, string For)[] Needs =
    [
        (["last-layers"], o => o.Method == FineTuneMethod.Last, "the method last"),
        (["rank", "alpha", "rank-stabilized"], o => o.Method is FineTuneMethod.Lora or FineTuneMethod.Dora, "the methods lora and dora"),
        (["targets"], o => o.UsesAdapter, "the methods lora, dora and ia3"),
        (["momentum"], o => o.Optimizer.Name is "sgd" or "muon", "the optimizers sgd and muon"),
        (["beta1", "beta2"], o => o.Optimizer.Name is not ("sgd" or "adafactor"), "the optimizers adamw, adam, lamb, lion and muon"),
        (["warmup"], o => o.Schedule.Name is not ("one-cycle" or "cyclic"), "other schedules than one-cycle, which has its own, and cyclic, which has none"),
        (["final-share"], o => o.Schedule.Name is "cosine" or "linear" or "stable", "the schedules cosine, linear and stable"),
        (["decay-share"], o => o.Schedule.Name == "stable", "the schedule stable"),
        (["cycles"], o => o.Schedule.Name == "cyclic", "the schedule cyclic"),
        (["synonym-share"], o => o.Text.Synonyms is not null, "a file of synonyms"),
        (["plateau-factor", "plateau-patience"], o => o.Schedule.Name == "plateau", "the schedule plateau"),
        (["focal-gamma"], o => o.Loss == LossKind.Focal, "the loss focal"),
        (["dpo-beta"], o => o.Loss == LossKind.Dpo, "the loss dpo"),
        (["label-smoothing", "token-dropout"], o => o.Loss != LossKind.Dpo, "other losses than dpo"),
    ];

    /// <summary>The first of the given settings that nothing would read, with the reason; null for none.</summary>
    private static (string Name, string Reason)? Idle(FineTuneOptions options, IReadOnlyCollection<string> given) => Needs.Where(n => !n.Reads(options))
        .SelectMany(n => n.Names.Where(given.Contains).Select(name => (name, $"{name} is for {n.For}"))).Cast<(string, string)?>().FirstOrDefault();

    /// <summary>Reads a section of a project file; mistakes are reported to the file.</summary>
    /// <param name="skip">Settings that the section does not have.</param>
    public static FineTuneOptions Read(YamlSection section, FineTuneOptions defaults, params IReadOnlyList<string> skip)
    {
        ArgumentNullException.ThrowIfNull(section);
        FineTuneOptions options = defaults;
        var given = new List<string>();
        foreach (Setting setting in All.Where(s => !skip.Contains(s.Name)))
        {
            string? text = setting.Name == "targets" ? (section.Texts(setting.Name) is { Count: > 0 } words ? string.Join(',', words) : null) : section.Text(setting.Name);
            if (text is null)
                continue;
            try
            {
                options = setting.Set(options, text);
                given.Add(setting.Name);
            }
            catch (SettingException e)
            {
                section.Report(setting.Name, $"'{setting.Name}' {e.Message}");
            }
        }
        if (options.Problem() is { } problem)
            section.Report("method", problem);
        if (Idle(options, given) is var (name, reason))
            section.Report(name, reason);
        return options;
    }

    /// <summary>Sets what a command line gives.</summary>
    /// <exception cref="CleaveException">A value is none, or the choices do not go together.</exception>
    public static FineTuneOptions Apply(FineTuneOptions options, IEnumerable<(Setting Setting, string Value)> given)
    {
        ArgumentNullException.ThrowIfNull(given);
        (Setting Setting, string Value)[] all = [.. given];
        foreach ((Setting setting, string value) in all)
        {
            try
            {
                options = setting.Set(options, value);
            }
            catch (SettingException e)
            {
                throw new CleaveException($"--{setting.Name} {e.Message}", e);
            }
        }
        return (options.Problem() ?? Idle(options, [.. all.Select(g => g.Setting.Name)])?.Reason) is { } problem ? throw new CleaveException(problem) : options;
    }
}
