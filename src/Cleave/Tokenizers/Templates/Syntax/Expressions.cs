namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>Something that has a value. Positions are characters of the template.</summary>
internal abstract record Expression(int Position);

internal sealed record Literal(int Position, object? Value) : Expression(Position);

internal sealed record Name(int Position, string Identifier) : Expression(Position);

internal sealed record ListOf(int Position, IReadOnlyList<Expression> Items, bool IsTuple) : Expression(Position);

internal sealed record DictOf(int Position, IReadOnlyList<(Expression Key, Expression Value)> Pairs) : Expression(Position);

/// <param name="Operator"><c>-</c>, <c>+</c> or <c>not</c>.</param>
internal sealed record Unary(int Position, string Operator, Expression Operand) : Expression(Position);

/// <param name="Operator">An arithmetic operator, <c>~</c>, <c>and</c> or <c>or</c>.</param>
internal sealed record Binary(int Position, string Operator, Expression Left, Expression Right) : Expression(Position);

/// <summary><c>a &lt; b &lt;= c</c>: each neighbour is compared, up to the first that fails.</summary>
internal sealed record Comparison(int Position, Expression First, IReadOnlyList<(string Operator, Expression Operand)> Rest) : Expression(Position);

internal sealed record Conditional(int Position, Expression Condition, Expression Then, Expression? Else) : Expression(Position);

internal sealed record Attribute(int Position, Expression Target, string Identifier) : Expression(Position);

internal sealed record Subscript(int Position, Expression Target, Expression Index) : Expression(Position);

internal sealed record Slice(int Position, Expression? Start, Expression? Stop, Expression? Step) : Expression(Position);

internal sealed record Call(int Position, Expression Target, CallArguments Arguments) : Expression(Position);

/// <param name="Target">Null for the filter of a block that is set: it gets the block's text.</param>
internal sealed record Filter(int Position, Expression? Target, string Identifier, CallArguments Arguments) : Expression(Position);

internal sealed record Test(int Position, Expression Target, string Identifier, CallArguments Arguments, bool Negated) : Expression(Position);

internal sealed record CallArguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    public static CallArguments None { get; } = new([], []);
}
