using System.Text;

namespace Cleave.Data.Cleaning;

/// <summary>Groups items whose texts are the same but for case, white space and punctuation.</summary>
internal static class NearDuplicates
{
    /// <summary>One group number an item, numbered by first appearance.</summary>
    public static int[] Groups(IReadOnlyList<Example> items)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var groups = new int[items.Count];
        for (int i = 0; i < items.Count; i++)
        {
            string key = Words(items[i].Text);
            if (!numbers.TryGetValue(key, out groups[i]))
                numbers[key] = groups[i] = numbers.Count;
        }
        return groups;
    }

    /// <summary>The text's letters and digits in lower case, words parted by one blank; the normalised text where there are none.</summary>
    private static string Words(string text)
    {
        var key = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (char.IsLetterOrDigit(c) || char.IsSurrogate(c))
                key.Append(char.ToLowerInvariant(c));
            else if (char.IsWhiteSpace(c) && key.Length > 0 && key[^1] != ' ')
                key.Append(' ');
        }
        string words = key.ToString().TrimEnd();
        return words.Length > 0 ? words : TextKeys.Normalise(text);
    }
}
