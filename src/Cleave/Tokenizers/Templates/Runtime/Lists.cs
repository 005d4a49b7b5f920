namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>What can be gone through.</summary>
internal static class Lists
{
    /// <summary>The items of a sequence, the keys of a mapping, the characters of a text; none of what is undefined.</summary>
    public static List<object?> Items(object? value, Budget budget)
    {
        switch (value)
        {
            case Sequence sequence:
                return sequence.Take();
            case Mapping mapping:
                budget.Allocate(mapping.Count);
                return [.. mapping.Entries.Select(e => e.Key)];
            case string text:
                budget.Allocate(text.Length);
                return [.. PythonText.Characters(text)];
            case Undefined:
                return [];
            default:
                throw new RuntimeFault($"{Kinds.Of(value)} cannot be gone through");
        }
    }

    /// <summary>Pairs of a mapping, as tuples.</summary>
    public static List<object?> Pairs(Mapping mapping, Budget budget)
    {
        budget.Allocate(3L * mapping.Count);
        return [.. mapping.Entries.Select(e => Sequence.Tuple(e.Key, e.Value))];
    }

    /// <summary>The number of items, or null for what has none.</summary>
    public static long? Length(object? value) => value switch
    {
        string text => PythonText.Length(text),
        Sequence { Kind: not SequenceKind.Iterator } sequence => sequence.Items.Count,
        Mapping mapping => mapping.Count,
        Undefined => 0,
        _ => null,
    };

    /// <summary>A stable sort with counted comparisons.</summary>
    public static List<object?> Sorted(List<object?> items, Func<object?, object?> key, bool reverse, Budget budget)
    {
        budget.Allocate(2L * items.Count);
        var keyed = items.Select((item, i) => (Key: key(item), Index: i, Item: item)).ToList();
        int Order((object? Key, int Index, object? Item) a, (object? Key, int Index, object? Item) b)
        {
            int order = Truth.Order(a.Key, b.Key, budget);
            order = order == -2 ? 0 : order;
            return order != 0 ? (reverse ? -order : order) : a.Index.CompareTo(b.Index);
        }
        try
        {
            keyed.Sort(Order);
        }
        catch (InvalidOperationException e) when (e.InnerException is RuntimeFault or OperationCanceledException)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerException);
        }
        return [.. keyed.Select(k => k.Item)];
    }
}
