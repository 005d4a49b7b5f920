using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Projects;

namespace Cleave.Tests.Splitting.Pipelines;

/// <summary>Pipelines over the tasks <c>mood</c> (classify), <c>reply</c> (generate) and <c>names</c> (extract), written as projects write them.</summary>
internal static class PipelineCases
{
    /// <summary>What stands in a project before its pipelines.</summary>
    public const string Tasks = """
        name: p
        base: starter
        tasks:
          mood: {kind: classify, train: a.jsonl}
          reply: {kind: generate, train: a.jsonl}
          names: {kind: extract, train: a.jsonl}

        """;

    /// <summary>Reads pipelines, given without their indentation.</summary>
    public static IReadOnlyList<PipelineDefinition> Read(string pipelines) =>
        Load(Tasks + "pipelines:\n" + string.Concat(pipelines.Split('\n').Select(l => $"  {l}\n"))).Pipelines;

    public static SplitProject Load(string yaml)
    {
        string folder = Directory.CreateTempSubdirectory("cleave-pipelines").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "a.jsonl"), "{}");
            File.WriteAllText(Path.Combine(folder, SplitProject.FileName), yaml);
            return ProjectReader.Load(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
