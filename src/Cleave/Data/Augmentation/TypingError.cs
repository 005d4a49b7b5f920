using Cleave.Numerics;

namespace Cleave.Data.Augmentation;

/// <summary>
/// One slip of the fingers: a neighbouring key, two letters in each other's place, or one left out. Letters lie as on a QWERTY keyboard; one that
/// is not on it has no neighbour and changes places instead. The first letter of a word stays.
/// </summary>
public static class TypingError
{
    /// <summary>Shorter words stay as they are: with an error in them they are other words.</summary>
    public const int ShortestWord = 4;

    // Keys touch where their centres are nearer than this, in widths of a key; each row begins a little further to the right.
    private const double Touching = 1.3;
    private static readonly (string Keys, double Begins)[] Rows = [("qwertyuiop", 0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75)];
    private static readonly Dictionary<char, string> Touched = Find();

    /// <summary>The keys that touch a lower-case letter's; empty for other characters.</summary>
    public static string Neighbours(char key) => Touched.GetValueOrDefault(key, "");

    /// <summary>The word with one error in it; of its letters behind the first.</summary>
    /// <param name="word">At least two characters.</param>
    public static string Make(string word, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(rng);
        int at = 1 + rng.NextInt(word.Length - 1);
        char letter = word[at], lower = char.ToLowerInvariant(letter);
        switch (rng.NextInt(3))
        {
            case 0 when Neighbours(lower) is { Length: > 0 } near:
                char other = near[rng.NextInt(near.Length)];
                return string.Concat(word.AsSpan(0, at), [letter == lower ? other : char.ToUpperInvariant(other)], word.AsSpan(at + 1));
            case 1:
                return word.Remove(at, 1);
            default:
                at = Math.Min(at, word.Length - 2);
                return string.Concat(word.AsSpan(0, at), [word[at + 1], word[at]], word.AsSpan(at + 2));
        }
    }

    private static Dictionary<char, string> Find()
    {
        var keys = Rows.SelectMany((row, y) => row.Keys.Select((key, x) => (Key: key, X: x + row.Begins, Y: y))).ToArray();
        return keys.ToDictionary(k => k.Key, k => string.Concat(keys.Where(o => o != k && Math.Sqrt((o.X - k.X) * (o.X - k.X) + (o.Y - k.Y) * (o.Y - k.Y)) < Touching).Select(o => o.Key)));
    }
}
