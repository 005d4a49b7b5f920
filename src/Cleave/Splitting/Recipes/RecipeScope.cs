using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Balancing;
using Cleave.Models;
using Cleave.Splitting.Projects;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.Recipes;

/// <summary>What decides which choices there are for a task's modules.</summary>
/// <param name="Texts">Training texts.</param>
/// <param name="Model">The shape that students are cut from: what the task needs of the monolith.</param>
public sealed record RecipeScope(TaskKind Kind, int Texts, TransformerSpec Model)
{
    /// <summary>How students train unless a trial chooses.</summary>
    public FineTuneOptions Training { get; init; } = new();

    /// <summary>The settings of <see cref="Training"/> that the project's <c>training</c> section names, as texts.</summary>
    public IReadOnlyDictionary<string, string> Given { get; init; } = new Dictionary<string, string>();

    public bool Classifies => Kind == TaskKind.Classify;

    /// <summary>Whether the task has a head of its own on the trunk.</summary>
    public bool HasHead => Kind is TaskKind.Classify or TaskKind.Extract;

    /// <summary>The scope of a project's task.</summary>
    /// <param name="texts">Training texts.</param>
    /// <param name="model">See <see cref="Model"/>.</param>
    public static RecipeScope Of(SplitProject project, TaskDefinition task, int texts, TransformerSpec model)
    {
        ArgumentNullException.ThrowIfNull(project);
        ArgumentNullException.ThrowIfNull(task);
        bool head = task.Kind is TaskKind.Classify or TaskKind.Extract;
        FineTuneOptions own = project.TrainingOf(task);
        return new RecipeScope(task.Kind, texts, model)
        {
            Given = project.TrainingGiven,
            Training = own with
            {
                BatchTokens = project.TrainingGiven.ContainsKey("batch-tokens") ? own.BatchTokens : project.Monolith.BatchTokens,
                TokenDropout = !head ? 0 : project.TrainingGiven.ContainsKey("token-dropout") ? own.TokenDropout : task.TokenDropout,
                // What needs classes is for the tasks that have them.
                Loss = head ? own.Loss : LossKind.CrossEntropy,
                BalanceClasses = head && own.BalanceClasses,
                Text = task.Kind == TaskKind.Classify ? own.Text : new TextNoiseOptions(),
                Sampling = task.Kind == TaskKind.Classify ? own.Sampling : ClassSampling.None,
                ClassWeights = task.Kind == TaskKind.Classify ? own.ClassWeights : new FineTuneOptions().ClassWeights,
                Mixup = 0, // students learn from the monolith's answers, which are not mixed
            },
        };
    }
}
