namespace Cleave.Tokenizers.Templates.Runtime;

internal static class ListFilters
{
    public static Dictionary<string, Filters.Body> All { get; } = new(StringComparer.Ordinal)
    {
        ["length"] = (run, v, a) => Lists.Length(v) ?? throw new RuntimeFault($"{Kinds.Of(v)} has no length"),
        ["count"] = (run, v, a) => Lists.Length(v) ?? throw new RuntimeFault($"{Kinds.Of(v)} has no length"),
        ["first"] = (run, v, a) => Lists.Items(v, run.Budget) is [var first, ..] ? first : new Undefined("the first of no items"),
        ["last"] = (run, v, a) => v is Sequence { Kind: SequenceKind.Iterator } ? throw new RuntimeFault("the end of these items is only known after 'list'")
            : Lists.Items(v, run.Budget) is [.., var last] ? last : new Undefined("the last of no items"),
        ["list"] = (run, v, a) => new Sequence(Copy(v, run)),
        ["items"] = (run, v, a) => new Sequence(v is Undefined ? [] : Lists.Pairs(OfMapping("items", v), run.Budget), SequenceKind.Iterator),
        ["dictsort"] = DictSort,
        ["sort"] = Sort,
        ["unique"] = Unique,
        ["reverse"] = Reverse,
        ["batch"] = Batch,
        ["slice"] = Slices,
        ["sum"] = Sum,
        ["min"] = (run, v, a) => Extreme(run, v, a, "min", -1),
        ["max"] = (run, v, a) => Extreme(run, v, a, "max", 1),
        ["default"] = Default,
        ["d"] = Default,
    };

    private static List<object?> Copy(object? value, Interpreter run)
    {
        List<object?> items = Lists.Items(value, run.Budget);
        run.Budget.Allocate(items.Count);
        return [.. items];
    }

    private static Mapping OfMapping(string filter, object? value) =>
        value as Mapping ?? throw (value as Undefined)?.Fault() ?? new RuntimeFault($"'{filter}' takes a mapping, not {Kinds.Of(value)}");

    private static object? Default(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("default", "default_value", "boolean");
        return value is Undefined || (Arguments.Flag(a[1], false) && !Truth.Of(value)) ? Arguments.Or(a[0], "") : value;
    }

    private static object? Folded(object? key, bool caseSensitive, Budget budget)
    {
        if (caseSensitive || key is not string text)
            return key;
        budget.Allocate(text.Length);
        return PythonText.Down(text);
    }

    private static Sequence DictSort(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("dictsort", "case_sensitive", "by", "reverse");
        bool exact = Arguments.Flag(a[0], false);
        int place = Arguments.Or(a[1], "key") switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw new RuntimeFault("'dictsort' sorts by key or value"),
        };
        List<object?> pairs = Lists.Pairs(OfMapping("dictsort", value), run.Budget);
        return new Sequence(Lists.Sorted(pairs, p => Folded(((Sequence)p!).Items[place], exact, run.Budget), Arguments.Flag(a[2], false), run.Budget));
    }

    private static Sequence Sort(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("sort", "reverse", "case_sensitive", "attribute");
        bool exact = Arguments.Flag(a[1], false);
        Func<object?, object?> key = Key(run, Arguments.Or(a[2], null), exact);
        return new Sequence(Lists.Sorted(Lists.Items(value, run.Budget), key, Arguments.Flag(a[0], false), run.Budget));
    }

    private static Func<object?, object?> Key(Interpreter run, object? attribute, bool caseSensitive) =>
        item => Folded(attribute is null ? item : Members.Path(item, attribute, run.Budget), caseSensitive, run.Budget);

    private static Sequence Unique(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("unique", "case_sensitive", "attribute");
        Func<object?, object?> key = Key(run, Arguments.Or(a[1], null), Arguments.Flag(a[0], false));
        var seen = new Mapping();
        List<object?> items = Lists.Items(value, run.Budget);
        run.Budget.Allocate(2L * items.Count);
        var kept = new List<object?>();
        foreach (object? item in items)
        {
            object? k = key(item);
            if (seen.TryGet(k, out _))
                continue;
            seen[k] = true;
            kept.Add(item);
        }
        return new Sequence(kept, SequenceKind.Iterator);
    }

    private static object Reverse(Interpreter run, object? value, Arguments arguments)
    {
        List<object?> items = Copy(value, run);
        items.Reverse();
        return value is string ? string.Concat(items.Cast<string>()) : new Sequence(items, SequenceKind.Iterator);
    }

    private static Sequence Batch(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind(1, "batch", "linecount", "fill_with");
        int size = (int)Math.Clamp(Arguments.Whole(a[0], 1, "the size"), 0, int.MaxValue);
        if (size == 0)
            throw new RuntimeFault("'batch' needs a size of at least 1");
        object? fill = Arguments.Or(a[1], null);
        List<object?> rows = [.. Copy(value, run).Chunk(size).Select(row => new Sequence([.. row]))];
        if (fill is not null && rows is [.., Sequence last])
        {
            run.Budget.Allocate(size - last.Items.Count);
            last.Items.AddRange(Enumerable.Repeat(fill, size - last.Items.Count));
        }
        return new Sequence(rows, SequenceKind.Iterator);
    }

    private static Sequence Slices(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind(1, "slice", "slices", "fill_with");
        long count = Arguments.Whole(a[0], 1, "the number of slices");
        if (count < 1)
            throw new RuntimeFault("'slice' needs at least 1 slice");
        run.Budget.Allocate(2 * Math.Min(count, int.MaxValue));
        List<object?> items = Copy(value, run);
        object? fill = Arguments.Or(a[1], null);
        var slices = new List<object?>();
        int each = items.Count / (int)count, more = items.Count % (int)count, from = 0;
        for (int i = 0; i < count; i++)
        {
            int size = each + (i < more ? 1 : 0);
            List<object?> part = items.GetRange(from, size);
            if (fill is not null && i >= more)
                part.Add(fill);
            slices.Add(new Sequence(part));
            from += size;
        }
        return new Sequence(slices, SequenceKind.Iterator);
    }

    private static object? Sum(Interpreter run, object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("sum", "attribute", "start");
        object? attribute = Arguments.Or(a[0], null);
        object? total = Arguments.Or(a[1], 0L);
        foreach (object? item in Lists.Items(value, run.Budget))
            total = Operators.Apply("+", total, attribute is null ? item : Members.Path(item, attribute, run.Budget), run.Budget);
        return total;
    }

    private static object? Extreme(Interpreter run, object? value, Arguments arguments, string name, int sign)
    {
        object?[] a = arguments.Bind(name, "case_sensitive", "attribute");
        Func<object?, object?> key = Key(run, Arguments.Or(a[1], null), Arguments.Flag(a[0], false));
        List<object?> items = Lists.Items(value, run.Budget);
        if (items.Count == 0)
            return new Undefined($"the {name} of no items");
        object? best = items[0];
        foreach (object? item in items.Skip(1))
        {
            if (Math.Sign(Truth.Order(key(item), key(best), run.Budget)) == sign)
                best = item;
        }
        return best;
    }
}
