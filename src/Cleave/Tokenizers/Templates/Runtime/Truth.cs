namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Truth, equality, order and membership, as in Python.</summary>
internal static class Truth
{
    public static bool Of(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long whole => whole != 0,
        double number => number != 0,
        string text => text.Length > 0,
        Sequence { Kind: not SequenceKind.Iterator } sequence => sequence.Items.Count > 0,
        Mapping mapping => mapping.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? a, object? b, Budget budget, int depth = 0)
    {
        budget.CheckDepth(depth);
        if (a is string x && b is string y)
        {
            budget.Step(Math.Min(x.Length, y.Length) / 16);
            return x == y;
        }
        if (Numbers.AreNumbers(a, b))
            return Numbers.Compare(a!, b!) == 0;
        if (ReferenceEquals(a, b) || (a is Undefined && b is Undefined))
            return true;
        if (a is Sequence p && b is Sequence q)
        {
            return p.Kind == q.Kind && p.Kind is SequenceKind.List or SequenceKind.Tuple && p.Items.Count == q.Items.Count
                && !p.Items.Where((item, i) => !AreEqual(item, q.Items[i], budget, depth + 1)).Any();
        }
        return a is Mapping m && b is Mapping n && m.Count == n.Count
            && m.Entries.All(e => n.TryGet(e.Key, out object? other) && AreEqual(e.Value, other, budget, depth + 1));
    }

    /// <summary>Below 0, 0 or above 0.</summary>
    public static int Order(object? a, object? b, Budget budget, int depth = 0)
    {
        budget.CheckDepth(depth);
        if (a is string x && b is string y)
            return PythonText.Compare(x, y);
        if (Numbers.AreNumbers(a, b))
            return Numbers.Compare(a!, b!);
        if (a is Sequence p && b is Sequence q && p.Kind == q.Kind && p.Kind is SequenceKind.List or SequenceKind.Tuple)
        {
            for (int i = 0; i < Math.Min(p.Items.Count, q.Items.Count); i++)
            {
                if (!AreEqual(p.Items[i], q.Items[i], budget, depth + 1))
                    return Order(p.Items[i], q.Items[i], budget, depth + 1);
            }
            return p.Items.Count.CompareTo(q.Items.Count);
        }
        throw (a as Undefined ?? b as Undefined)?.Fault() ?? new RuntimeFault($"{Kinds.Of(a)} and {Kinds.Of(b)} have no order");
    }

    public static bool Compare(string op, object? a, object? b, Budget budget)
    {
        switch (op)
        {
            case "==": return AreEqual(a, b, budget);
            case "!=": return !AreEqual(a, b, budget);
            case "in": return Contains(b, a, budget);
            case "not in": return !Contains(b, a, budget);
        }
        int order = Order(a, b, budget);
        return order != -2 && op switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    public static bool Contains(object? whole, object? part, Budget budget)
    {
        switch (whole)
        {
            case string text:
                budget.Step(text.Length / 16);
                return text.Contains(Arguments.Text(part, "what is looked for in a text"), StringComparison.Ordinal);
            case Mapping mapping:
                return mapping.TryGet(part, out _);
            case Sequence sequence:
                return sequence.Take().Exists(item => AreEqual(item, part, budget));
            case Undefined:
                return false;
            default:
                throw new RuntimeFault($"{Kinds.Of(whole)} has nothing in it");
        }
    }
}
