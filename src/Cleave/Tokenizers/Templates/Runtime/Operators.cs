using System.Text;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Operators on two values.</summary>
internal static class Operators
{
    public static object? Apply(string op, object? left, object? right, Budget budget)
    {
        if (op == "~")
            return Join(ValueText.Of(left, budget), ValueText.Of(right, budget), budget);
        if (Numbers.AreNumbers(left, right))
            return Numbers.Calculate(op, left!, right!);
        switch (op, left, right)
        {
            case ("+", string a, string b):
                return Join(a, b, budget);
            case ("+", Sequence a, Sequence b) when a.Kind == b.Kind && a.Kind is SequenceKind.List or SequenceKind.Tuple:
                budget.Allocate((long)a.Items.Count + b.Items.Count);
                return new Sequence([.. a.Items, .. b.Items], a.Kind);
            case ("*", _, string or Sequence) when Numbers.Whole(left) is { } times:
                return Repeat(right, times, budget);
            case ("*", string or Sequence, _) when Numbers.Whole(right) is { } times:
                return Repeat(left, times, budget);
        }
        throw (left as Undefined ?? right as Undefined)?.Fault()
            ?? new RuntimeFault($"'{op}' does not work on {Kinds.Of(left)} and {Kinds.Of(right)}{(op == "+" && (left is string || right is string) ? "; '~' joins anything as text" : "")}");
    }

    private static string Join(string a, string b, Budget budget)
    {
        budget.Allocate((long)a.Length + b.Length);
        return a + b;
    }

    private static object Repeat(object? value, long times, Budget budget)
    {
        times = Math.Clamp(times, 0, int.MaxValue);
        if (value is string text)
        {
            budget.Allocate(text.Length * times);
            return new StringBuilder().Insert(0, text, text.Length == 0 ? 0 : (int)times).ToString();
        }
        var sequence = (Sequence)value!;
        if (sequence.Kind is not (SequenceKind.List or SequenceKind.Tuple))
            throw new RuntimeFault($"{Kinds.Of(value)} cannot be repeated");
        budget.Allocate(sequence.Items.Count * times);
        return new Sequence(sequence.Items.Count == 0 ? [] : [.. Enumerable.Range(0, (int)times).SelectMany(_ => sequence.Items)], sequence.Kind);
    }
}
