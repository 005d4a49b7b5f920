using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Tuning;
using Cleave.Tuning.Advice;

namespace Cleave.Splitting.Studies;

/// <summary>The studies that a split would run, for an advisor to look at before it does.</summary>
public static class ProjectAdvice
{
    /// <param name="ask">Said in addition to what the project asks for.</param>
    /// <returns>For each task its study, the space before any request, and what an advisor is told.</returns>
    /// <exception cref="CleaveException">The base or the data cannot be used, or the request leaves nothing of a space.</exception>
    public static IReadOnlyList<(StudyDefinition Study, SearchSpace Before, AdviceBriefing Briefing)> Studies(SplitProject project, string ask)
    {
        ArgumentNullException.ThrowIfNull(project);
        AdvisorOptions advisor = project.Search.Advisor ?? AdvisorOptions.Default;
        SplitInputs inputs = SplitInputs.Load(Asking(string.Join("\n\n", new[] { advisor.Ask, ask }.Where(t => t.Length > 0))), null);
        IReadOnlyList<TaskSpace> before = TaskSpace.OfAll(Asking(""), [.. inputs.Tasks.Select(t => (t.Definition, t.Train.Count, t.Trunk(inputs.Base).Spec))]);
        return [.. inputs.Tasks.Zip(inputs.Spaces, before).Select(t => (
            new StudyDefinition($"{project.Name}/{t.First.Name}", t.Second.Space, TaskStudy.Directions, t.First.Seed(project.Seed, "sampler")), t.Third.Space, TaskBriefing.Of(t.First, t.Second.Request)))];

        SplitProject Asking(string text) => project with { Search = project.Search with { Advisor = advisor with { Ask = text } } };
    }
}
