namespace Cleave.Tokenizers.Templates.Syntax;

internal abstract record Statement(int Position);

internal sealed record Text(int Position, string Value) : Statement(Position);

internal sealed record Write(int Position, Expression Value) : Statement(Position);

internal sealed record If(int Position, IReadOnlyList<(Expression Condition, Block Body)> Branches, Block? Else) : Statement(Position);

internal sealed record For(int Position, Target Target, Expression Items, Expression? Condition, Block Body, Block? Else) : Statement(Position);

internal sealed record Set(int Position, Target Target, Expression Value) : Statement(Position);

/// <summary>A target gets what a block writes, through filters if there are some.</summary>
internal sealed record SetBlock(int Position, Target Target, Filter? Through, Block Body) : Statement(Position);

internal sealed record Macro(int Position, string Identifier, IReadOnlyList<(string Name, Expression? Default)> Parameters, Block Body) : Statement(Position);

/// <summary>A block with names of its own: <c>generation</c> marks what an assistant said, and is otherwise plain.</summary>
internal sealed record Scoped(int Position, Block Body) : Statement(Position);

internal sealed record Jump(int Position, bool Breaks) : Statement(Position);

internal sealed record Block(IReadOnlyList<Statement> Statements);

/// <summary>What a value is given to.</summary>
internal abstract record Target(int Position);

internal sealed record NameTarget(int Position, string Identifier) : Target(Position);

internal sealed record NamespaceTarget(int Position, string Namespace, string Identifier) : Target(Position);

internal sealed record TupleTarget(int Position, IReadOnlyList<Target> Targets) : Target(Position);
