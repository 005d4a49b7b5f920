namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>A place in a list of tokens.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int _at;
    private int _depth;

    public Token Current => tokens[_at];

    public Token Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public Token Next()
    {
        Token token = tokens[_at];
        if (token.Kind != TokenKind.End)
            _at++;
        return token;
    }

    public bool Accept(string @operator)
    {
        if (!Current.IsOperator(@operator))
            return false;
        _at++;
        return true;
    }

    public bool AcceptName(string name)
    {
        if (!Current.IsName(name))
            return false;
        _at++;
        return true;
    }

    public Token Expect(string @operator) => Current.IsOperator(@operator) ? Next() : throw Unexpected($"'{@operator}'");

    public Token Expect(TokenKind kind, string what) => Current.Kind == kind ? Next() : throw Unexpected(what);

    public void ExpectName(string name)
    {
        if (!AcceptName(name))
            throw Unexpected($"'{name}'");
    }

    public SyntaxFault Unexpected(string wanted) => new(Current.Position, $"expected {wanted}, found {Current.Shown}");

    /// <summary>One level deeper, until what is returned is disposed of.</summary>
    public Level Enter()
    {
        if (++_depth > TemplateLimits.MaxNesting)
            throw new SyntaxFault(Current.Position, $"nested deeper than {TemplateLimits.MaxNesting} levels");
        return new Level(this);
    }

    public readonly ref struct Level(TokenReader reader)
    {
        public void Dispose() => reader._depth--;
    }
}
