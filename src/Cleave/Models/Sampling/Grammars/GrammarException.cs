namespace Cleave.Models.Sampling.Grammars;

/// <summary>A grammar that cannot be used: it says where and what is wrong.</summary>
/// <param name="origin">The file, or another name for where it came from.</param>
/// <param name="line">Line number from 1, or 0 where it is not at one line.</param>
public sealed class GrammarException(string origin, string problem, int line = 0)
    : CleaveException(OneLine(line > 0 ? $"{origin}:{line}: {problem}" : $"{origin}: {problem}"))
{
    public string Origin { get; } = origin;

    public int Line { get; } = line;
}
