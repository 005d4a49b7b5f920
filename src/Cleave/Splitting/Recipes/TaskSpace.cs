using Cleave.Models;
using Cleave.Splitting.Projects;
using Cleave.Tuning;
using Cleave.Tuning.Advice;

namespace Cleave.Splitting.Recipes;

/// <summary>What a task's study searches.</summary>
public sealed record TaskSpace(RecipeScope Scope, SearchSpace Space)
{
    /// <summary>What <c>search.advisor.ask</c> says of this space, which keeps to it already.</summary>
    public UnderstoodRequest Request { get; init; } = UnderstoodRequest.None;

    /// <summary>The spaces of all tasks of a project; what is wrong with several is said together.</summary>
    /// <param name="tasks">Each with its training texts and the shape that its students are cut from.</param>
    /// <exception cref="ProjectException">A choice cannot be had, or plays a part in no task that it is said for.</exception>
    public static IReadOnlyList<TaskSpace> OfAll(SplitProject project, IReadOnlyList<(TaskDefinition Task, int Texts, TransformerSpec Model)> tasks)
    {
        ArgumentNullException.ThrowIfNull(project);
        ArgumentNullException.ThrowIfNull(tasks);
        var problems = new List<(long Line, string Text)>();
        var unused = new List<(ParameterChoice Choice, string Task, string Reason)>();
        var spaces = new List<TaskSpace>();
        foreach ((TaskDefinition task, int texts, TransformerSpec model) in tasks)
        {
            var scope = RecipeScope.Of(project, task, texts, model);
            SearchSpace space = RecipeSpace.Of(scope, project.SearchOf(task).Space,
                (choice, reason) => problems.Add((choice.Line, $"'{choice.Place}' {reason} (task {task.Name})")), (choice, reason) => unused.Add((choice, task.Name, reason)));
            try
            {
                UnderstoodRequest request = RequestReader.Read(project.SearchOf(task).Advisor?.Ask ?? "", space);
                spaces.Add(new TaskSpace(scope, SpaceNarrowing.Apply(space, request.Constraints)) { Request = request });
            }
            catch (CleaveException e)
            {
                problems.Add((0, $"'search.advisor.ask': {e.Message} (task {task.Name})"));
            }
        }
        // What is said for all tasks is for those that have it; what is said for one has to be.
        foreach (IGrouping<ParameterChoice, (ParameterChoice Choice, string Task, string Reason)> choice in unused.GroupBy(u => u.Choice))
        {
            if (choice.Count() == tasks.Count(t => project.SearchOf(t.Task).Space.Contains(choice.Key)))
                problems.Add((choice.Key.Line, $"'{choice.Key.Place}' {choice.First().Reason}"));
        }
        return problems.Count == 0 ? spaces
            : throw new ProjectException(project.Path, [.. problems.DistinctBy(p => p.Text).OrderBy(p => p.Line).Select(p => p.Line > 0 ? $"line {p.Line}: {p.Text}" : p.Text)]);
    }
}
