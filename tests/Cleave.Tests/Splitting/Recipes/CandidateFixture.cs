using System.Text;
using Cleave.Data;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Studies;
using Cleave.Tests.Models;
using Cleave.Tuning;

namespace Cleave.Tests.Splitting.Recipes;

/// <summary>A tiny monolith of a task of each kind, made once, to build candidates of.</summary>
public sealed class CandidateFixture : IDisposable
{
    private readonly SmallProject _small = new(TinyModel.Create(layers: 3));
    private readonly Dictionary<string, (TaskContext Task, CandidateBuilder Builder)> _tasks;
    private readonly Monolith _monolith;
    private int _built;

    public CandidateFixture()
    {
        string[] goods = ["parcel", "order", "phone", "lamp"];
        foreach ((string part, int rows, ulong seed) in new[] { ("train", 120, 5UL), ("test", 40, 6UL) })
        {
            var rng = new Rng(seed);
            var text = new StringBuilder();
            for (int i = 0; i < rows; i++)
            {
                string good = goods[rng.NextInt(goods.Length)];
                text.Append($"{{\"text\": \"{i}{seed} where is my {good}\", \"target\": \"the {good} is late\"}}\n");
            }
            File.WriteAllText(Path.Combine(_small.Folder, $"say.{part}.jsonl"), text.ToString());
        }
        SplitProject project = Project("{}");
        LanguageModel baseModel = ModelFolder.Load(Path.Combine(_small.Folder, "base"));
        TaskContext[] tasks = [.. project.Tasks.Select(t => new TaskContext(t, TaskDataset.Load(t.Source, project.Seed), baseModel))];
        string folder = Path.Combine(_small.Folder, "monolith");
        new MonolithBuilder(project, tasks).Build(baseModel, folder, folder + ".checkpoint", "x", null, CancellationToken.None);
        _monolith = Monolith.Load(folder, project.Monolith);
        _tasks = tasks.ToDictionary(t => t.Name, t => (t, new CandidateBuilder(t, _monolith, project.Seed, CancellationToken.None)));
    }

    public TaskContext Task(string name) => _tasks[name].Task;

    /// <summary>The first recipe of a task's study.</summary>
    public (Recipe Recipe, TaskSpace Space) First(string task, string space)
    {
        SplitProject project = Project(space);
        TaskContext context = Task(task);
        TaskSpace found = Assert.Single(TaskSpace.OfAll(project, [(project.Tasks.First(t => t.Name == task), context.Train.Count, context.Trunk(_monolith.Model).Spec)]));
        ParameterSet start = RecipeStarts.Of(found.Scope, found.Space, (_, _) => true).First();
        return (Recipe.From(start, found.Scope.Training), found);
    }

    public Candidate Build(string task, Recipe recipe) =>
        _tasks[task].Builder.Build(recipe, Path.Combine(_small.Folder, $"candidate{_built++}"), static _ => true, CancellationToken.None)!;

    /// <summary>What a recipe is expected to cost before it is built.</summary>
    internal double Price(string task, Recipe recipe) =>
        new RecipePrice(Task(task), Task(task).Trunk(_monolith.Model).Spec, _monolith.Model.Head(task)?.Labels.Count ?? 0).Of(recipe);

    public void Dispose()
    {
        _monolith.Dispose();
        _small.Dispose();
    }

    private SplitProject Project(string space)
    {
        File.WriteAllText(_small.ProjectPath, $$"""
            name: small
            base: base
            seed: 3
            tasks:
              mood: {kind: classify, train: mood.train.jsonl, test: mood.test.jsonl, metric: accuracy, margin: 0.2}
              thing: {kind: extract, train: thing.train.jsonl, test: thing.test.jsonl, spans: spans, margin: 0.5}
              say: {kind: generate, train: say.train.jsonl, test: say.test.jsonl, margin: 0.5}
            monolith: {epochs: 2, batch-tokens: 256, learning-rate: 0.003}
            search: {space: {{space}}}
            """);
        return ProjectReader.Load(_small.Folder);
    }
}
