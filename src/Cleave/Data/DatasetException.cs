namespace Cleave.Data;

/// <summary>A task's data cannot be used; every problem found is in <see cref="Problems"/>.</summary>
/// <param name="task">The task's name.</param>
public sealed class DatasetException(string task, IReadOnlyList<string> problems)
    : CleaveException(problems.Count == 1 ? $"task '{task}': {problems[0]}"
        : $"task '{task}': {problems.Count} problems{string.Concat(problems.Select(p => "\n  " + p))}")
{
    public string Task { get; } = task;
    public IReadOnlyList<string> Problems { get; } = problems;
}
