using Cleave.Tokenizers.Templates.Syntax;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>The values of expressions.</summary>
internal sealed class Evaluator(Interpreter run)
{
    private readonly Budget _budget = run.Budget;

    public object? Value(Expression expression, Scope scope)
    {
        _budget.Enter();
        run.Position = expression.Position;
        object? value = expression switch
        {
            Literal literal => literal.Value,
            Name name => Lookup(name, scope),
            ListOf list => Items(list, scope),
            DictOf dict => Entries(dict, scope),
            Unary unary => Sign(unary, scope),
            Binary binary => Operate(binary, scope),
            Comparison comparison => Compare(comparison, scope),
            Conditional choice => Truth.Of(Value(choice.Condition, scope)) ? Value(choice.Then, scope)
                : choice.Else is { } otherwise ? Value(otherwise, scope) : new Undefined("the value of an 'if' without 'else'"),
            Syntax.Attribute attribute => MemberOf(attribute, scope),
            Subscript subscript => ItemOf(subscript, scope),
            Call call => CallOf(call, scope),
            Filter filter => Through(filter, filter.Target is { } target ? Value(target, scope) : null, scope),
            Test test => Check(test, scope),
            _ => throw new RuntimeFault("a slice stands where a value is wanted"),
        };
        _budget.Leave();
        return value;
    }

    /// <summary>What a filter, and those before it that have no target of their own, make of a value.</summary>
    public object? Through(Filter filter, object? value, Scope scope)
    {
        if (filter.Target is Filter { } inner && EndsOpen(inner))
            value = Through(inner, value, scope);
        Arguments arguments = ArgumentsOf(filter.Arguments, scope);
        run.Position = filter.Position;
        return Filters.Apply(filter.Identifier, run, value, arguments);
    }

    private static bool EndsOpen(Filter filter)
    {
        Filter? at = filter;
        while (at.Target is Filter inner)
            at = inner;
        return at.Target is null;
    }

    private static object? Lookup(Name name, Scope scope)
    {
        object? value = scope[name.Identifier];
        return value is Undefined && Globals.Find(name.Identifier) is { } global ? global : value;
    }

    private Sequence Items(ListOf list, Scope scope)
    {
        _budget.Allocate(list.Items.Count);
        return new Sequence([.. list.Items.Select(i => Value(i, scope))], list.IsTuple ? SequenceKind.Tuple : SequenceKind.List);
    }

    private Mapping Entries(DictOf dict, Scope scope)
    {
        _budget.Allocate(2L * dict.Pairs.Count);
        var mapping = new Mapping();
        foreach ((Expression key, Expression value) in dict.Pairs)
            mapping[Value(key, scope)] = Value(value, scope);
        return mapping;
    }

    private object Sign(Unary unary, Scope scope)
    {
        object? value = Value(unary.Operand, scope);
        run.Position = unary.Position;
        if (unary.Operator == "not")
            return !Truth.Of(value);
        if (!Numbers.AreNumbers(value, value))
            throw (value as Undefined)?.Fault() ?? new RuntimeFault($"{Kinds.Of(value)} has no sign");
        return value is double real && unary.Operator == "-" ? -real : Numbers.Calculate(unary.Operator, 0L, value!);
    }

    private object? Operate(Binary binary, Scope scope)
    {
        object? left = Value(binary.Left, scope);
        if (binary.Operator is "and" or "or")
            return Truth.Of(left) == (binary.Operator == "and") ? Value(binary.Right, scope) : left;
        object? right = Value(binary.Right, scope);
        run.Position = binary.Position;
        return Operators.Apply(binary.Operator, left, right, _budget);
    }

    private bool Compare(Comparison comparison, Scope scope)
    {
        object? left = Value(comparison.First, scope);
        foreach ((string op, Expression operand) in comparison.Rest)
        {
            object? right = Value(operand, scope);
            run.Position = comparison.Position;
            if (!Truth.Compare(op, left, right, _budget))
                return false;
            left = right;
        }
        return true;
    }

    private object? MemberOf(Syntax.Attribute attribute, Scope scope)
    {
        object? target = Value(attribute.Target, scope);
        run.Position = attribute.Position;
        return Members.Get(target, attribute.Identifier);
    }

    private object? ItemOf(Subscript subscript, Scope scope)
    {
        object? target = Value(subscript.Target, scope);
        if (subscript.Index is Slice slice)
        {
            object? start = Bound(slice.Start), stop = Bound(slice.Stop), step = Bound(slice.Step);
            run.Position = subscript.Position;
            return Slicing.Of(target, start, stop, step, _budget);
        }
        object? index = Value(subscript.Index, scope);
        run.Position = subscript.Position;
        return Members.Item(target, index, _budget);

        object? Bound(Expression? bound) => bound is null ? null : Value(bound, scope);
    }

    private object? CallOf(Call call, Scope scope)
    {
        object? target = Value(call.Target, scope);
        Arguments arguments = ArgumentsOf(call.Arguments, scope);
        run.Position = call.Position;
        return target is Callable callable ? callable.Body(run, arguments)
            : throw (target as Undefined)?.Fault() ?? new RuntimeFault($"{Kinds.Of(target)} cannot be called");
    }

    private bool Check(Test test, Scope scope)
    {
        object? value = Value(test.Target, scope);
        Arguments arguments = ArgumentsOf(test.Arguments, scope);
        run.Position = test.Position;
        return Tests.Holds(test.Identifier, run, value, arguments) != test.Negated;
    }

    private Arguments ArgumentsOf(CallArguments arguments, Scope scope) => arguments == CallArguments.None ? Arguments.None
        : new Arguments([.. arguments.Positional.Select(a => Value(a, scope))], [.. arguments.Named.Select(a => (a.Name, Value(a.Value, scope)))]);
}
