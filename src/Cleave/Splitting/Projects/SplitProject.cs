using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.SingleTask;
using Cleave.Training.FineTuning.Options;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Pruners;

namespace Cleave.Splitting.Projects;

/// <summary>A task as the project file states it.</summary>
/// <param name="Margin">How much worse than the monolith the module may be, in units of the metric.</param>
/// <param name="Trials">Of this task's study; null for what the search says.</param>
/// <param name="TokenDropout">Share of the tokens replaced while transformers train on it.</param>
public sealed record TaskDefinition(TaskSource Source, Metric Metric, double Margin, int? Trials = null, double TokenDropout = 0)
{
    /// <summary>How the words of its training items are changed while transformers train on it; for classification.</summary>
    public TextNoiseOptions Text { get; init; } = new();

    /// <summary>Texts without labels for <c>cleave train</c>, or null.</summary>
    public SelfTrainingOptions? Unlabelled { get; init; }

    /// <summary>Which items of each class an epoch has; n-grams weigh classes accordingly instead. For classification.</summary>
    public ClassSampling Sampling { get; init; }

    public string Name => Source.Name;
    public TaskKind Kind => Source.Kind;

    /// <summary>What is different about this task's search, or null.</summary>
    public TaskSearch? Search { get; init; }
}

/// <summary>How candidates are searched for.</summary>
/// <param name="Trials">For each task that does not say its own.</param>
/// <param name="Sampler">One of <see cref="AdvisorOptions.SamplerChoices"/>.</param>
/// <param name="Minutes">A wall-clock limit on each task's study, or null; with it, the number of trials depends on the machine.</param>
public sealed record SearchOptions(int Trials, string Sampler, double? Minutes)
{
    /// <summary>Steps of a trial at which it may be stopped early: eighths of its training.</summary>
    public const int Steps = 8;

    /// <summary>When a trial is given up.</summary>
    public StoppingRule Stopping { get; init; } = new("median", Startup: 3, Warmup: Steps / 2, Steps: Steps);

    /// <summary>Whom to ask for advice, and what is asked for: that holds whatever the sampler; null for nobody.</summary>
    public AdvisorOptions? Advisor { get; init; }

    /// <summary>What is said about parameters of recipes; the others are searched as usual.</summary>
    public IReadOnlyList<ParameterChoice> Space { get; init; } = [];
}

/// <summary>What one task's search does differently; null for what the project says.</summary>
/// <param name="Space">Said about parameters, before what the project says about the same ones.</param>
public sealed record TaskSearch(string? Sampler, double? Minutes, StoppingRule? Stopping, IReadOnlyList<ParameterChoice> Space);

/// <summary>What a module may cost at most.</summary>
/// <param name="Bytes">Of weights, or null.</param>
/// <param name="LatencySeconds">An item at batch 1, by the cost model, or null.</param>
/// <param name="Faster">How many times faster than the monolith at least, by the cost model, or null.</param>
/// <param name="Smaller">How many times smaller than the monolith at least, or null.</param>
public sealed record BudgetOptions(double? Bytes, double? LatencySeconds, double? Faster = null, double? Smaller = null)
{
    /// <summary>Whether a module of this cost and size may be chosen.</summary>
    public bool Allows(double nanoseconds, double bytes, double monolithNanoseconds, double monolithBytes) =>
        !(bytes > Bytes) && !(nanoseconds * 1e-9 > LatencySeconds)
        && !(nanoseconds * Faster > monolithNanoseconds) && !(bytes * Smaller > monolithBytes);
}

/// <summary>How the monolith is fine-tuned.</summary>
/// <param name="Epochs">Passes over all tasks' training items.</param>
/// <param name="LearningRate">The peak.</param>
/// <param name="BatchTokens">Tokens of an update.</param>
public sealed record MonolithOptions(int Epochs, double LearningRate, int BatchTokens);

/// <summary>When a request goes to the monolith instead of a module.</summary>
/// <param name="Abstains">Whether the monolith also answers where the router is not sure of the task.</param>
/// <param name="Risk">What a request may be expected to lose by staying with a module, or null for the thresholds that come closest to the monolith on validation items.</param>
public sealed record RoutingOptions(bool Abstains, double? Risk)
{
    /// <summary>How often the router may be wrong without abstaining, where nothing is said.</summary>
    public const double UsualRisk = 0.05;
}

/// <summary>A project file, read and checked: everything that decides a split.</summary>
public sealed record SplitProject
{
    /// <summary>The file's name inside a project folder.</summary>
    public const string FileName = "cleave.yaml";

    public required string Path { get; init; }
    public required string Name { get; init; }

    /// <summary>A Hugging Face folder, or the name of a shipped model.</summary>
    public required string Base { get; init; }
    public required ulong Seed { get; init; }
    public required IReadOnlyList<TaskDefinition> Tasks { get; init; }
    public required SearchOptions Search { get; init; }
    public required BudgetOptions Budget { get; init; }
    public required MonolithOptions Monolith { get; init; }

    /// <summary>How <c>cleave train</c> trains a task of the project alone, and how students train unless the search chooses.</summary>
    public FineTuneOptions Training { get; init; } = new();

    /// <summary>The settings of <see cref="Training"/> that the file names, as texts.</summary>
    public IReadOnlyDictionary<string, string> TrainingGiven { get; init; } = new Dictionary<string, string>();

    /// <summary>The power of a core where energy is estimated, unless the environment knows better.</summary>
    public EnergyOptions Energy { get; init; } = EnergyOptions.Default;

    /// <summary>What energy and processor time cost, or null where that is not stated.</summary>
    public PriceTable? Prices { get; init; }

    /// <summary>Modules chained for one request; the release carries them.</summary>
    public IReadOnlyList<PipelineDefinition> Pipelines { get; init; } = [];

    /// <summary>When the monolith answers in a module's place.</summary>
    public RoutingOptions Routing { get; init; } = new(false, null);

    /// <summary>How <c>cleave train</c> trains a task: what the task says of its items goes before what the training says.</summary>
    public FineTuneOptions TrainingOf(TaskDefinition task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return Training with
        {
            Text = task.Text.IsNone ? Training.Text : task.Text,
            Sampling = task.Sampling == ClassSampling.None ? Training.Sampling : task.Sampling,
            TokenDropout = task.TokenDropout > 0 ? task.TokenDropout : Training.TokenDropout,
        };
    }

    /// <summary>Trials of a task's study.</summary>
    public int TrialsOf(TaskDefinition task) => task.Trials ?? Search.Trials;

    /// <summary>The search of one task: its own words before the project's.</summary>
    public SearchOptions SearchOf(TaskDefinition task) => task.Search is not { } own ? Search : Search with
    {
        Sampler = own.Sampler ?? Search.Sampler,
        Minutes = own.Minutes ?? Search.Minutes,
        Stopping = own.Stopping ?? Search.Stopping,
        Space = [.. Search.Space.Where(c => own.Space.All(o => o.Name != c.Name)), .. own.Space],
    };

    public string Folder => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
}
