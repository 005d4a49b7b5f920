namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>What is wrong, and at which character of the template; becomes a <see cref="TemplateException"/>.</summary>
internal sealed class SyntaxFault(int position, string problem) : Exception(problem)
{
    public int Position { get; } = position;
}
