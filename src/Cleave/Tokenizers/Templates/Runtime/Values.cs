namespace Cleave.Tokenizers.Templates.Runtime;

// A template's values: null, bool, long, double, string, and the types here.

/// <summary>What a name, key or member is that is not there: empty where it is written, an error where it is used.</summary>
internal sealed record Undefined(string What)
{
    public RuntimeFault Fault() => new($"{What} is undefined");
}

internal enum SequenceKind
{
    List,
    Tuple,

    /// <summary>What a filter makes item by item: it is true, has no length, and can be gone through once.</summary>
    Iterator,

    /// <summary>A range, or the keys, values or items of a mapping.</summary>
    View,
}

internal sealed class Sequence(List<object?> items, SequenceKind kind = SequenceKind.List)
{
    public List<object?> Items { get; private set; } = items;

    public SequenceKind Kind { get; } = kind;

    /// <summary>Whether it came from outside: then a template cannot change it.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>The items, for one pass.</summary>
    public List<object?> Take()
    {
        List<object?> taken = Items;
        if (Kind == SequenceKind.Iterator)
            Items = [];
        return taken;
    }

    public static Sequence Tuple(params object?[] items) => new([.. items], SequenceKind.Tuple);
}

/// <summary>A dictionary that keeps the order in which its keys came.</summary>
internal sealed class Mapping
{
    private readonly OrderedDictionary<object, object?> _entries = new(KeyComparer.Instance);

    public bool IsFrozen { get; init; }

    public int Count => _entries.Count;

    /// <summary>Keys as the template sees them; null for <c>none</c>.</summary>
    public IEnumerable<KeyValuePair<object?, object?>> Entries => _entries.Select(e => KeyValuePair.Create(KeyComparer.Shown(e.Key), e.Value));

    public object? this[object? key]
    {
        set => _entries[KeyComparer.Stored(key)] = value;
    }

    public bool TryGet(object? key, out object? value)
    {
        value = null;
        return key is not Sequence { Kind: SequenceKind.Tuple } && _entries.TryGetValue(KeyComparer.Stored(key), out value);
    }

    /// <summary>Keys are equal as in Python: 1, 1.0 and true are one key.</summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        private static readonly object None = new();

        public static KeyComparer Instance { get; } = new();

        public static object Stored(object? key) => key switch
        {
            null => None,
            string or long or bool or double => key,
            _ => throw new RuntimeFault($"{Kinds.Of(key)} cannot be a key"),
        };

        public static object? Shown(object key) => key == None ? null : key;

        public new bool Equals(object? a, object? b) => a is string x && b is string y ? x == y
            : a == b || (Numbers.AreNumbers(a, b) && Numbers.Compare(a!, b!) == 0);

        public int GetHashCode(object key) => key is bool or long or double ? Numbers.Real(key).GetHashCode() : key.GetHashCode();
    }
}

/// <summary>What <c>namespace()</c> makes: members that can be set from inside loops.</summary>
internal sealed class Namespace
{
    public Dictionary<string, object?> Members { get; } = new(StringComparer.Ordinal);
}

/// <summary>Something that can be called.</summary>
internal delegate object? Function(Interpreter run, Arguments arguments);

internal sealed record Callable(string Name, Function Body);

/// <summary>What kind a value is, in words for messages.</summary>
internal static class Kinds
{
    public static string Of(object? value) => value switch
    {
        null => "none",
        bool => "a boolean",
        long => "a whole number",
        double => "a number",
        string => "a text",
        Undefined => "an undefined value",
        Sequence { Kind: SequenceKind.List } => "a list",
        Sequence { Kind: SequenceKind.Tuple } => "a tuple",
        Sequence => "a sequence",
        Mapping => "a mapping",
        Namespace => "a namespace",
        Callable => "a function",
        _ => "this value",
    };
}
