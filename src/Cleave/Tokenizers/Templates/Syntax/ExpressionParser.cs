using System.Globalization;

namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>
/// Expressions, the loosest binding first: <c>a if b else c</c>, <c>or</c>, <c>and</c>, <c>not</c>, comparisons,
/// <c>+ -</c>, <c>~</c>, <c>* / // %</c>, <c>**</c>, signs, and what is attached to a value: <c>.x [i] (…) |filter is test</c>.
/// </summary>
internal sealed class ExpressionParser(TokenReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<=", ">=", "<", ">"];

    public Expression Read(bool withCondition = true)
    {
        using TokenReader.Level level = reader.Enter();
        Expression value = ReadOr();
        while (withCondition && reader.Current.IsName("if"))
        {
            int position = reader.Next().Position;
            Expression condition = ReadOr();
            value = new Conditional(position, condition, value, reader.AcceptName("else") ? Read() : null);
        }
        return value;
    }

    /// <summary>One expression, or several with commas between: a tuple.</summary>
    public Expression ReadTuple(bool withCondition = true)
    {
        Expression first = Read(withCondition);
        if (!reader.Current.IsOperator(","))
            return first;
        var items = new List<Expression> { first };
        while (reader.Accept(",") && !EndsTuple())
            items.Add(Read(withCondition));
        return new ListOf(first.Position, items, IsTuple: true);
    }

    /// <summary>A filter after its bar, and those that follow it.</summary>
    public Filter ReadFilters(Expression? target)
    {
        Filter filter = ReadFilter(target);
        while (reader.Accept("|"))
            filter = ReadFilter(filter);
        return filter;
    }

    public CallArguments ReadArguments()
    {
        reader.Expect("(");
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        while (!reader.Current.IsOperator(")"))
        {
            if (reader.Current.IsOperator("*") || reader.Current.IsOperator("**"))
                throw new SyntaxFault(reader.Current.Position, "arguments from a list or a mapping (*args, **kwargs) are not supported");
            if (reader.Current.Kind == TokenKind.Name && reader.Following.IsOperator("="))
            {
                string name = reader.Next().Text;
                reader.Next();
                named.Add((name, Read()));
            }
            else if (named.Count > 0)
            {
                throw new SyntaxFault(reader.Current.Position, "an argument without name follows one with a name");
            }
            else
            {
                positional.Add(Read());
            }
            if (!reader.Accept(","))
                break;
        }
        reader.Expect(")");
        return new CallArguments(positional, named);
    }

    private bool EndsTuple() => reader.Current.Kind is TokenKind.StatementEnd or TokenKind.ExpressionEnd or TokenKind.End || reader.Current.IsOperator(")");

    private Expression ReadOr()
    {
        Expression left = ReadAnd();
        while (reader.Current.IsName("or"))
            left = new Binary(reader.Next().Position, "or", left, ReadAnd());
        return left;
    }

    private Expression ReadAnd()
    {
        Expression left = ReadNot();
        while (reader.Current.IsName("and"))
            left = new Binary(reader.Next().Position, "and", left, ReadNot());
        return left;
    }

    private Expression ReadNot()
    {
        if (!reader.Current.IsName("not"))
            return ReadComparison();
        using TokenReader.Level level = reader.Enter();
        return new Unary(reader.Next().Position, "not", ReadNot());
    }

    private Expression ReadComparison()
    {
        Expression first = ReadSum();
        var rest = new List<(string, Expression)>();
        int position = reader.Current.Position;
        while (ComparisonOperator() is { } found)
            rest.Add((found, ReadSum()));
        return rest.Count == 0 ? first : new Comparison(position, first, rest);
    }

    private string? ComparisonOperator()
    {
        if (reader.AcceptName("in"))
            return "in";
        if (reader.Current.IsName("not") && reader.Following.IsName("in"))
        {
            reader.Next();
            reader.Next();
            return "not in";
        }
        return reader.Current.Kind == TokenKind.Operator && Comparisons.Contains(reader.Current.Text) ? reader.Next().Text : null;
    }

    private Expression ReadSum() => ReadLeft(ReadJoin, "+", "-");

    private Expression ReadJoin() => ReadLeft(ReadProduct, "~");

    private Expression ReadProduct() => ReadLeft(ReadPower, "*", "/", "//", "%");

    private Expression ReadPower() => ReadLeft(() => ReadSigned(withFilters: true), "**");

    private Expression ReadLeft(Func<Expression> part, params string[] operators)
    {
        Expression left = part();
        while (reader.Current.Kind == TokenKind.Operator && operators.Contains(reader.Current.Text))
        {
            Token found = reader.Next();
            left = new Binary(found.Position, found.Text, left, part());
        }
        return left;
    }

    private Expression ReadSigned(bool withFilters)
    {
        Expression value;
        if (reader.Current.IsOperator("-") || reader.Current.IsOperator("+"))
        {
            using TokenReader.Level level = reader.Enter();
            Token sign = reader.Next();
            value = new Unary(sign.Position, sign.Text, ReadSigned(withFilters: false));
        }
        else
        {
            value = ReadPrimary();
        }
        value = ReadAttached(value);
        return withFilters ? ReadFiltersAndTests(value) : value;
    }

    private Expression ReadPrimary()
    {
        Token token = reader.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                reader.Next();
                return token.Text switch
                {
                    "true" or "True" => new Literal(token.Position, true),
                    "false" or "False" => new Literal(token.Position, false),
                    "none" or "None" => new Literal(token.Position, null),
                    _ => new Name(token.Position, token.Text),
                };
            case TokenKind.Text:
                string text = reader.Next().Text;
                while (reader.Current.Kind == TokenKind.Text)
                    text += reader.Next().Text;
                return new Literal(token.Position, text);
            case TokenKind.Integer:
                return new Literal(token.Position, long.Parse(reader.Next().Text, CultureInfo.InvariantCulture));
            case TokenKind.Float:
                return new Literal(token.Position, double.Parse(reader.Next().Text, CultureInfo.InvariantCulture));
            default:
                return token.IsOperator("(") ? ReadParentheses() : token.IsOperator("[") ? ReadList() : token.IsOperator("{") ? ReadDict()
                    : throw reader.Unexpected("an expression");
        }
    }

    private Expression ReadParentheses()
    {
        int position = reader.Next().Position;
        Expression inside = reader.Current.IsOperator(")") ? new ListOf(position, [], IsTuple: true) : ReadTuple();
        reader.Expect(")");
        return inside;
    }

    private ListOf ReadList()
    {
        int position = reader.Next().Position;
        var items = new List<Expression>();
        while (!reader.Current.IsOperator("]"))
        {
            items.Add(Read());
            if (!reader.Accept(","))
                break;
        }
        reader.Expect("]");
        return new ListOf(position, items, IsTuple: false);
    }

    private DictOf ReadDict()
    {
        int position = reader.Next().Position;
        var pairs = new List<(Expression, Expression)>();
        while (!reader.Current.IsOperator("}"))
        {
            Expression key = Read();
            reader.Expect(":");
            pairs.Add((key, Read()));
            if (!reader.Accept(","))
                break;
        }
        reader.Expect("}");
        return new DictOf(position, pairs);
    }

    private Expression ReadAttached(Expression value)
    {
        while (true)
        {
            Token token = reader.Current;
            if (reader.Accept("."))
            {
                Token member = reader.Next();
                value = member.Kind switch
                {
                    TokenKind.Name => new Attribute(token.Position, value, member.Text),
                    TokenKind.Integer => new Subscript(token.Position, value, new Literal(member.Position, long.Parse(member.Text, CultureInfo.InvariantCulture))),
                    _ => throw new SyntaxFault(member.Position, $"expected a name after '.', found {member.Shown}"),
                };
            }
            else if (reader.Accept("["))
            {
                Expression index = ReadIndex();
                reader.Expect("]");
                value = new Subscript(token.Position, value, index);
            }
            else if (token.IsOperator("("))
            {
                value = new Call(token.Position, value, ReadArguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ReadIndex()
    {
        int position = reader.Current.Position;
        Expression? start = reader.Current.IsOperator(":") ? null : Read();
        if (!reader.Accept(":"))
            return start!;
        Expression? stop = Bound(), step = reader.Accept(":") ? Bound() : null;
        return new Slice(position, start, stop, step);

        Expression? Bound() => reader.Current.IsOperator(":") || reader.Current.IsOperator("]") ? null : Read();
    }

    private Expression ReadFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (reader.Accept("|"))
                value = ReadFilter(value);
            else if (reader.Current.IsName("is"))
                value = ReadTest(value);
            else if (reader.Current.IsOperator("("))
                value = new Call(reader.Current.Position, value, ReadArguments());
            else
                return value;
        }
    }

    private Filter ReadFilter(Expression? target)
    {
        Token name = reader.Expect(TokenKind.Name, "the name of a filter");
        return new Filter(name.Position, target, name.Text, reader.Current.IsOperator("(") ? ReadArguments() : CallArguments.None);
    }

    private Test ReadTest(Expression target)
    {
        reader.Next();
        bool negated = reader.AcceptName("not");
        Token name = reader.Expect(TokenKind.Name, "the name of a test");
        CallArguments arguments = CallArguments.None;
        if (reader.Current.IsOperator("("))
            arguments = ReadArguments();
        else if (BeginsOperand(reader.Current))
            arguments = new CallArguments([ReadAttached(ReadPrimary())], []);
        return new Test(name.Position, target, name.Text, arguments, negated);
    }

    // "x is divisibleby 3": one argument may stand without brackets.
    private static bool BeginsOperand(Token token) =>
        token.Kind is TokenKind.Text or TokenKind.Integer or TokenKind.Float || token.IsOperator("[") || token.IsOperator("{")
        || (token.Kind == TokenKind.Name && token.Text is not ("else" or "or" or "and" or "if" or "is" or "in" or "not"));
}
