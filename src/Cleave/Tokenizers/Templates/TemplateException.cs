namespace Cleave.Tokenizers.Templates;

/// <summary>A chat template that cannot be read, or that ends in an error; the message names line and column.</summary>
/// <param name="origin">Where the template is from, such as a file's path.</param>
/// <param name="line">From 1.</param>
/// <param name="column">From 1, in UTF-16 units.</param>
public sealed class TemplateException(string origin, int line, int column, string problem)
    : CleaveException($"{origin}: chat template, line {line}, column {column}: {problem}")
{
    public int Line { get; } = line;

    public int Column { get; } = column;

    /// <summary>What is wrong, without the place.</summary>
    public string Problem { get; } = problem;

    /// <summary>Whether the template itself refused, with <c>raise_exception</c>.</summary>
    public bool IsRefusal { get; init; }
}
