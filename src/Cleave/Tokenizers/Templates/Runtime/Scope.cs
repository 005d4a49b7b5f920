namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Names and their values; what is not here may be in the scope around it.</summary>
internal sealed class Scope(Scope? outer)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        get
        {
            for (Scope? scope = this; scope is not null; scope = scope.Outer)
            {
                if (scope._values.TryGetValue(name, out object? value))
                    return value;
            }
            return new Undefined($"'{name}'");
        }
        set => _values[name] = value;
    }

    public Scope? Outer => outer;
}

/// <summary>What <c>loop</c> is inside of a <c>for</c>.</summary>
internal sealed class Loop(IReadOnlyList<object?> items)
{
    private object? _last = Arguments.Absent;

    public int Index { get; set; }

    public object? Member(string name) => name switch
    {
        "index" => Index + 1L,
        "index0" => (long)Index,
        "revindex" => (long)items.Count - Index,
        "revindex0" => items.Count - Index - 1L,
        "first" => Index == 0,
        "last" => Index == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => 1L,
        "depth0" => 0L,
        "previtem" => Index > 0 ? items[Index - 1] : new Undefined("the item before the first"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("the item after the last"),
        "cycle" => new Callable("cycle", (_, a) => a.Positional.Count > 0 ? a.Positional[Index % a.Positional.Count] : throw new RuntimeFault("'cycle' needs something to go through")),
        "changed" => new Callable("changed", (run, a) => Changed(run, a)),
        _ => new Undefined($"'loop.{name}'"),
    };

    private bool Changed(Interpreter run, Arguments arguments)
    {
        object? now = new Sequence([.. arguments.Positional], SequenceKind.Tuple);
        bool changed = _last == Arguments.Absent || !Truth.AreEqual(now, _last, run.Budget);
        _last = now;
        return changed;
    }
}
