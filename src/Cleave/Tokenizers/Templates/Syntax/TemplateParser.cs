namespace Cleave.Tokenizers.Templates.Syntax;

/// <summary>The statements of a template.</summary>
internal sealed class TemplateParser
{
    private readonly TokenReader _reader;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private TemplateParser(TokenReader reader)
    {
        _reader = reader;
        _expressions = new ExpressionParser(reader);
    }

    /// <param name="source">Line breaks are <c>\n</c>.</param>
    /// <exception cref="SyntaxFault">It is not a template, or one that uses what is not supported.</exception>
    public static Block Read(string source)
    {
        var parser = new TemplateParser(new TokenReader(Lexer.Read(source)));
        Block body = parser.ReadBlock(null);
        return body;
    }

    // Statements up to one of the given names, which stays in front of the reader; null: up to the end.
    private Block ReadBlock(string? opener, params string[] ends)
    {
        using TokenReader.Level level = _reader.Enter();
        int position = _reader.Current.Position;
        var statements = new List<Statement>();
        while (_reader.Current.Kind != TokenKind.End)
        {
            Token token = _reader.Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    statements.Add(new Text(token.Position, token.Text));
                    break;
                case TokenKind.ExpressionBegin:
                    statements.Add(new Write(token.Position, _expressions.ReadTuple()));
                    _reader.Expect(TokenKind.ExpressionEnd, "'}}'");
                    break;
                default:
                    if (_reader.Current.Kind == TokenKind.Name && ends.Contains(_reader.Current.Text))
                        return new Block(statements);
                    statements.Add(ReadStatement());
                    break;
            }
        }
        return opener is null ? new Block(statements)
            : throw new SyntaxFault(position, $"'{opener}' has no end: '{{% {ends[^1]} %}}' is missing");
    }

    private Statement ReadStatement()
    {
        Token name = _reader.Expect(TokenKind.Name, "the name of a statement");
        return name.Text switch
        {
            "if" => ReadIf(name.Position),
            "for" => ReadFor(name.Position),
            "set" => ReadSet(name.Position),
            "macro" => ReadMacro(name.Position),
            "generation" => new Scoped(name.Position, ReadBody("generation", "endgeneration")),
            "break" or "continue" => ReadJump(name),
            "else" or "elif" or "endif" or "endfor" or "endset" or "endmacro" or "endgeneration" => throw new SyntaxFault(name.Position, $"'{name.Text}' ends nothing that is open"),
            _ => throw new SyntaxFault(name.Position, $"the statement {name.Shown} is not supported; there are if, for, set, macro, generation, break, continue and raw"),
        };
    }

    private void EndTag() => _reader.Expect(TokenKind.StatementEnd, "'%}'");

    private Block ReadBody(string opener, string end)
    {
        EndTag();
        Block body = ReadBlock(opener, end);
        _reader.Next();
        // As Jinja has it, a macro's name may be said again at its end.
        if (end == "endmacro" && _reader.Current.Kind == TokenKind.Name)
            _reader.Next();
        EndTag();
        return body;
    }

    private If ReadIf(int position)
    {
        var branches = new List<(Expression, Block)>();
        while (true)
        {
            Expression condition = _expressions.ReadTuple(withCondition: false);
            EndTag();
            branches.Add((condition, ReadBlock("if", "elif", "else", "endif")));
            Token end = _reader.Next();
            if (end.Text == "elif")
                continue;
            Block? otherwise = null;
            if (end.Text == "else")
                otherwise = ReadBody("if", "endif");
            else
                EndTag();
            return new If(position, branches, otherwise);
        }
    }

    private For ReadFor(int position)
    {
        Target target = ReadTargets(withNamespace: false);
        _reader.ExpectName("in");
        Expression items = _expressions.ReadTuple(withCondition: false);
        Expression? condition = _reader.AcceptName("if") ? _expressions.Read() : null;
        if (_reader.Current.IsName("recursive"))
            throw new SyntaxFault(_reader.Current.Position, "recursive loops are not supported; use a macro");
        EndTag();
        _loops++;
        Block body = ReadBlock("for", "else", "endfor");
        _loops--;
        Block? otherwise = null;
        if (_reader.Next().Text == "else")
            otherwise = ReadBody("for", "endfor");
        else
            EndTag();
        return new For(position, target, items, condition, body, otherwise);
    }

    private Statement ReadSet(int position)
    {
        Target target = ReadTargets(withNamespace: true);
        if (_reader.Accept("="))
        {
            Expression value = _expressions.ReadTuple();
            EndTag();
            return new Set(position, target, value);
        }
        Filter? through = _reader.Accept("|") ? _expressions.ReadFilters(null) : null;
        return new SetBlock(position, target, through, ReadBody("set", "endset"));
    }

    private Macro ReadMacro(int position)
    {
        string name = _reader.Expect(TokenKind.Name, "the macro's name").Text;
        _reader.Expect("(");
        var parameters = new List<(string, Expression?)>();
        while (!_reader.Current.IsOperator(")"))
        {
            Token parameter = _reader.Expect(TokenKind.Name, "a parameter's name");
            Expression? value = _reader.Accept("=") ? _expressions.Read() : null;
            if (value is null && parameters.Count > 0 && parameters[^1].Item2 is not null)
                throw new SyntaxFault(parameter.Position, "a parameter without default follows one with a default");
            parameters.Add((parameter.Text, value));
            if (!_reader.Accept(","))
                break;
        }
        _reader.Expect(")");
        int loops = _loops;
        _loops = 0;
        Block body = ReadBody("macro", "endmacro");
        _loops = loops;
        return new Macro(position, name, parameters, body);
    }

    private Jump ReadJump(Token name)
    {
        if (_loops == 0)
            throw new SyntaxFault(name.Position, $"'{name.Text}' stands outside of a loop");
        EndTag();
        return new Jump(name.Position, name.Text == "break");
    }

    private Target ReadTargets(bool withNamespace)
    {
        Target first = ReadTarget(withNamespace);
        if (!_reader.Current.IsOperator(","))
            return first;
        var targets = new List<Target> { first };
        while (_reader.Accept(",") && !_reader.Current.IsOperator("=") && !_reader.Current.IsName("in") && !_reader.Current.IsOperator(")"))
            targets.Add(ReadTarget(withNamespace));
        return new TupleTarget(first.Position, targets);
    }

    private Target ReadTarget(bool withNamespace)
    {
        if (_reader.Accept("("))
        {
            using TokenReader.Level level = _reader.Enter();
            Target inside = ReadTargets(withNamespace);
            _reader.Expect(")");
            return inside;
        }
        Token name = _reader.Expect(TokenKind.Name, "a name to set");
        if (name.Text is "true" or "false" or "none" or "True" or "False" or "None")
            throw new SyntaxFault(name.Position, $"{name.Shown} cannot be set");
        return withNamespace && _reader.Accept(".") ? new NamespaceTarget(name.Position, name.Text, _reader.Expect(TokenKind.Name, "a name after '.'").Text)
            : new NameTarget(name.Position, name.Text);
    }
}
