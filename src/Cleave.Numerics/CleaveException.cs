namespace Cleave;

/// <summary>
/// An error of the world, not of the caller's code: a file, a project, the machine's capacity. The message is
/// one line that says what is wrong, where, and what to do; the command line prints it as it stands.
/// </summary>
public class CleaveException : Exception
{
    public CleaveException(string message) : base(message) { }
    public CleaveException(string message, Exception inner) : base(message, inner) { }

    /// <summary>A text without line breaks and other controls: messages quote what files hold, and stay one line.</summary>
    public static string OneLine(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Any(IsBreak) ? string.Concat(text.Select(c => IsBreak(c) ? ' ' : c)) : text;

        static bool IsBreak(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
    }
}

/// <summary>The machine cannot do what is asked: memory, instruction set, disk, threads.</summary>
public sealed class CapacityException(string message) : CleaveException(OneLine(message));

/// <summary>A model or tokenizer file that cannot be used.</summary>
/// <param name="path">The file.</param>
/// <param name="offset">Byte offset of the trouble, or null where it is not at one place.</param>
public sealed class ModelFileException(string path, string problem, long? offset = null)
    : CleaveException(OneLine(offset is { } at ? $"{path}: {problem} (at byte {at})" : $"{path}: {problem}"))
{
    public string Path { get; } = path;
    public long? Offset { get; } = offset;
}

/// <summary>A data file that cannot be read.</summary>
/// <param name="path">The file.</param>
/// <param name="line">Line number from 1, or 0 where it is not at one line.</param>
public sealed class DataFileException(string path, string problem, long line = 0)
    : CleaveException(OneLine(line > 0 ? $"{path}:{line}: {problem}" : $"{path}: {problem}"))
{
    public string Path { get; } = path;
    public long Line { get; } = line;
}

/// <summary>A project file with one or more mistakes; all of them are in <see cref="Problems"/>.</summary>
public sealed class ProjectException(string path, IReadOnlyList<string> problems)
    : CleaveException(problems.Count == 1 ? OneLine($"{path}: {problems[0]}")
        : $"{OneLine(path)}: {problems.Count} problems{string.Concat(problems.Select(p => "\n  " + OneLine(p)))}")
{
    public IReadOnlyList<string> Problems { get; } = problems;
}
