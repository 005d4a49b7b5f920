using Cleave.Data;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Releases;

namespace Cleave.Splitting;

/// <summary>What a split begins with: every process that works on it makes the same of the same files.</summary>
/// <param name="BaseHash">SHA-256 of the base's weights.</param>
/// <param name="DataHashes">Of every file that the tasks read.</param>
public sealed record SplitInputs(LanguageModel Base, string BaseHash, IReadOnlyList<TaskContext> Tasks, IReadOnlyList<TaskSpace> Spaces, IReadOnlyList<string> DataHashes)
{
    /// <exception cref="CleaveException">The base or the data cannot be used.</exception>
    public static SplitInputs Load(SplitProject project, IProgress<ProgressReport>? progress)
    {
        ArgumentNullException.ThrowIfNull(project);
        string folder = BaseModel.Find(project.Base, project.Folder);
        LanguageModel model = Trunk(ModelFolder.Load(folder));
        TaskContext[] tasks = LoadAll(project, model, progress);
        CheckPipelines(project, tasks);
        IReadOnlyList<TaskSpace> spaces = TaskSpace.OfAll(project, [.. tasks.Select(t => (t.Definition, t.Train.Count, t.Trunk(model).Spec))]);
        IEnumerable<string> hashes = tasks.SelectMany(t => t.Data.Report.Files).Select(f => f.Sha256)
            .Concat(project.Tasks.Select(t => t.Text.Synonyms).OfType<string>().Select(Hashing.Sha256File));
        return new SplitInputs(model, Hashing.Sha256File(Path.Combine(folder, ModelFolder.Weights)), tasks, spaces, [.. hashes]);
    }

    /// <summary>Every task's data; what is wrong with several tasks is said together.</summary>
    private static TaskContext[] LoadAll(SplitProject project, LanguageModel baseModel, IProgress<ProgressReport>? progress)
    {
        var tasks = new List<TaskContext>();
        var problems = new List<CleaveException>();
        foreach (TaskDefinition definition in project.Tasks)
        {
            try
            {
                tasks.Add(Load(project, definition, baseModel, progress));
            }
            catch (CleaveException e)
            {
                problems.Add(e);
            }
        }
        return problems.Count == 0 ? [.. tasks]
            : throw (problems.Count == 1 ? problems[0] : new CleaveException(string.Join('\n', problems.Select(p => p.Message))));
    }

    /// <summary>Whether the labels that pipelines ask for are ones of the data.</summary>
    private static void CheckPipelines(SplitProject project, TaskContext[] tasks)
    {
        var wrong = new List<string>();
        foreach (PipelineDefinition pipeline in project.Pipelines)
        {
            PipelineChecker.CheckLabels(pipeline, task => [.. tasks.First(t => t.Name == task).Data.Labels],
                (step, key, problem) => wrong.Add($"line {step?.Line ?? pipeline.Line}: pipelines.{pipeline.Name}{(step is null ? "" : "." + step.Name)}.{key}: {problem}"));
        }
        if (wrong.Count > 0)
            throw new ProjectException(project.Path, wrong);
    }

    // An encoder's tasks have heads of their own; what it was published with would be trained and stored for nothing.
    private static LanguageModel Trunk(LanguageModel model) =>
        model.Transformer.Spec.Bidirectional ? model with { Transformer = model.Transformer.WithoutHeads(), Heads = [] } : model;

    private static TaskContext Load(SplitProject project, TaskDefinition definition, LanguageModel baseModel, IProgress<ProgressReport>? progress)
    {
        if (baseModel.Transformer.Spec is { Bidirectional: true, Family: var family } && definition.Kind is TaskKind.Generate or TaskKind.LanguageModel)
        {
            throw new ProjectException(project.Path, [$"tasks.{definition.Name}.kind: '{ProjectReader.NameOf(definition.Kind)}' needs a base that continues texts, but {project.Base} is an encoder ({family}), "
                + $"which reads them only; use a decoder such as '{BaseModel.Starter}', or keep to classify and extract"]);
        }
        if (definition.Kind == TaskKind.LanguageModel && baseModel.Transformer.Encoder is not null)
        {
            throw new ProjectException(project.Path, [$"tasks.{definition.Name}.kind: 'language-model' needs a base that continues texts, but {project.Base} ({baseModel.Transformer.Spec.Family}) answers them; "
                + "make it a generate task, or use a decoder as the base"]);
        }
        progress?.Report(new ProgressReport($"{definition.Name}: read and clean", 0, 1, "data sets"));
        return new TaskContext(definition, TaskDataset.Load(definition.Source, project.Seed), baseModel);
    }
}
