namespace Cleave.Tokenizers.Templates.Syntax;

internal enum TokenKind
{
    /// <summary>Text that is written as it is.</summary>
    Data,
    ExpressionBegin,
    ExpressionEnd,
    StatementBegin,
    StatementEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}

/// <param name="Text">The name, the operator, the number's digits, or what a text stands for.</param>
/// <param name="Position">Where it begins in the template.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Position)
{
    public bool IsOperator(string text) => Kind == TokenKind.Operator && Text == text;

    public bool IsName(string text) => Kind == TokenKind.Name && Text == text;

    public string Shown => Kind switch
    {
        TokenKind.End => "the end of the template",
        TokenKind.Data => "text",
        TokenKind.Text => "a text",
        _ => $"'{(Text.Length <= 40 ? Text : Text[..37] + "...")}'",
    };
}
