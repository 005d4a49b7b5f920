using Cleave.Data.Cleaning;
using Cleave.Numerics;

namespace Cleave.Data;

/// <summary>Reads a task's examples as they are, for measuring: nothing is split off and no duplicate leaves.</summary>
public static class ExampleReader
{
    /// <summary>The examples of the source's test files, rows without text or label dropped.</summary>
    /// <exception cref="DataFileException">One file cannot be read.</exception>
    /// <exception cref="DatasetException">Anything else is wrong, or several things are; all are reported together.</exception>
    public static IReadOnlyList<Example> Read(TaskSource source, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(source);
        var problems = new ProblemList();
        var builder = new ExampleBuilder(source, problems);
        (List<Example> examples, _) = new SourceReader(source, builder, problems).Read(source.Test, source.TestRows, Rng.For(seed, $"data/{source.Name}/test-rows"));
        builder.Finish();
        if (examples.Count == 0 && !problems.Any)
            problems.Add("there is no example in the files");
        problems.ThrowIfAny(source.Name);
        return examples;
    }
}
