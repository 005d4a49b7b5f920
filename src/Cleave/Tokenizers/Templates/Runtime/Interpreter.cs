using System.Text;
using Cleave.Tokenizers.Templates.Syntax;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Runs the statements of one template, once.</summary>
internal sealed class Interpreter
{
    private readonly Evaluator _evaluator;
    private readonly TimeProvider _clock;
    private StringBuilder _output = new();
    private long _written;

    public Interpreter(Budget budget, TimeProvider clock)
    {
        Budget = budget;
        _clock = clock;
        _evaluator = new Evaluator(this);
    }

    public Budget Budget { get; }

    public DateTimeOffset Now => _clock.GetLocalNow();

    /// <summary>The character of the template that was last worked on.</summary>
    public int Position { get; set; }

    public string Run(Block body, Scope scope)
    {
        Execute(body, scope);
        return _output.ToString();
    }

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    private Flow Execute(Block block, Scope scope)
    {
        Budget.Enter();
        foreach (Statement statement in block.Statements)
        {
            Position = statement.Position;
            Budget.Step();
            Flow flow = Execute(statement, scope);
            if (flow != Flow.Next)
            {
                Budget.Leave();
                return flow;
            }
        }
        Budget.Leave();
        return Flow.Next;
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case Text text:
                Append(text.Value);
                break;
            case Write write:
                object? value = _evaluator.Value(write.Value, scope);
                Position = write.Position;
                Append(ValueText.Of(value, Budget));
                break;
            case If choice:
                foreach ((Expression condition, Block body) in choice.Branches)
                {
                    if (Truth.Of(_evaluator.Value(condition, scope)))
                        return Execute(body, scope);
                }
                return choice.Else is { } otherwise ? Execute(otherwise, scope) : Flow.Next;
            case For loop:
                return Repeat(loop, scope);
            case Set set:
                Assign(set.Target, _evaluator.Value(set.Value, scope), scope);
                break;
            case SetBlock set:
                object? captured = Capture(set.Body, new Scope(scope));
                Assign(set.Target, set.Through is { } through ? _evaluator.Through(through, captured, scope) : captured, scope);
                break;
            case Macro macro:
                scope[macro.Identifier] = new Callable(macro.Identifier, (_, arguments) => CallMacro(macro, scope, arguments));
                break;
            case Scoped scoped:
                return Execute(scoped.Body, new Scope(scope));
            case Jump jump:
                return jump.Breaks ? Flow.Break : Flow.Continue;
        }
        return Flow.Next;
    }

    private void Append(string text)
    {
        Budget.Allocate(text.Length);
        Budget.Output(_written += text.Length);
        _output.Append(text);
    }

    private string Capture(Block body, Scope scope)
    {
        StringBuilder outer = _output;
        _output = new StringBuilder();
        Execute(body, scope);
        string text = _output.ToString();
        _output = outer;
        _written -= text.Length;
        Budget.Allocate(text.Length);
        return text;
    }

    private Flow Repeat(For loop, Scope scope)
    {
        object? source = _evaluator.Value(loop.Items, scope);
        Position = loop.Items.Position;
        List<object?> items = Lists.Items(source, Budget);
        if (loop.Condition is { } condition)
        {
            var kept = new List<object?>();
            foreach (object? item in items.ToArray())
            {
                var inner = new Scope(scope) { ["loop"] = new Undefined("'loop' in the condition of a loop") };
                Assign(loop.Target, item, inner);
                if (Truth.Of(_evaluator.Value(condition, inner)))
                    kept.Add(item);
            }
            items = kept;
        }
        var state = new Loop(items);
        bool completed = false;
        // The list may grow while it is gone through; the steps are counted.
        for (int i = 0; i < items.Count; i++)
        {
            state.Index = i;
            var inner = new Scope(scope) { ["loop"] = state };
            Position = loop.Target.Position;
            Assign(loop.Target, items[i], inner);
            Flow flow = Execute(loop.Body, inner);
            completed |= flow == Flow.Next;
            if (flow == Flow.Break)
                break;
        }
        // As Jinja has it, 'else' is for when no turn came to its end; not only for when there was none.
        return !completed && loop.Else is { } otherwise ? Execute(otherwise, new Scope(scope)) : Flow.Next;
    }

    private void Assign(Target target, object? value, Scope scope)
    {
        Budget.Step();
        switch (target)
        {
            case NameTarget name:
                scope[name.Identifier] = value;
                break;
            case NamespaceTarget member:
                Position = member.Position;
                if (scope[member.Namespace] is not Namespace space)
                    throw new RuntimeFault($"'{member.Namespace}' is not a namespace: only members of what namespace() makes can be set");
                space.Members[member.Identifier] = value;
                break;
            case TupleTarget tuple:
                Position = tuple.Position;
                List<object?> items = Lists.Items(value, Budget);
                if (items.Count != tuple.Targets.Count)
                    throw new RuntimeFault($"{tuple.Targets.Count} names cannot take {items.Count} values");
                for (int i = 0; i < items.Count; i++)
                    Assign(tuple.Targets[i], items[i], scope);
                break;
        }
    }

    private string CallMacro(Macro macro, Scope defined, Arguments arguments)
    {
        object?[] values = arguments.Bind(macro.Identifier, [.. macro.Parameters.Select(p => p.Name)]);
        var scope = new Scope(defined);
        for (int i = 0; i < values.Length; i++)
        {
            (string name, Expression? otherwise) = macro.Parameters[i];
            scope[name] = values[i] != Arguments.Absent ? values[i]
                : otherwise is null ? new Undefined($"the argument '{name}'") : _evaluator.Value(otherwise, scope);
        }
        return Capture(macro.Body, scope);
    }
}
