namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary><c>x[start:stop:step]</c> of texts and sequences, as in Python.</summary>
internal static class Slicing
{
    public static object Of(object? value, object? start, object? stop, object? step, Budget budget)
    {
        switch (value)
        {
            case string text:
                string[] characters = PythonText.Characters(text);
                budget.Allocate(characters.Length);
                return string.Concat(Places(characters.Length, start, stop, step).Select(i => characters[i]));
            case Sequence { Kind: not SequenceKind.Iterator } sequence:
                int[] places = [.. Places(sequence.Items.Count, start, stop, step)];
                budget.Allocate(places.Length);
                return new Sequence([.. places.Select(i => sequence.Items[i])], sequence.Kind);
            default:
                throw (value as Undefined)?.Fault() ?? new RuntimeFault($"{Kinds.Of(value)} cannot be cut");
        }
    }

    private static IEnumerable<int> Places(int count, object? start, object? stop, object? step)
    {
        long by = Whole(step) ?? 1;
        if (by == 0)
            throw new RuntimeFault("the step of a slice is 0");
        long least = by > 0 ? 0 : -1, most = by > 0 ? count : count - 1;
        long from = Place(start) ?? (by > 0 ? 0 : count - 1), to = Place(stop) ?? (by > 0 ? count : -1);
        by = Math.Clamp(by, -int.MaxValue, int.MaxValue);
        for (long i = from; by > 0 ? i < to : i > to; i += by)
            yield return (int)i;

        long? Place(object? bound) => Whole(bound) is { } at ? Math.Clamp(at < 0 ? at + count : at, least, most) : null;
    }

    private static long? Whole(object? bound) =>
        bound is null ? null : Numbers.Whole(bound) ?? throw ((bound as Undefined)?.Fault() ?? new RuntimeFault($"a slice is bounded by whole numbers, not by {Kinds.Of(bound)}"));
}
