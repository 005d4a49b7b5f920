using System.Text;
using Cleave.Data.Cleaning;
using Cleave.Numerics;

namespace Cleave.Data.Augmentation;

/// <summary>
/// Changes the words of a training text as people's writing varies: synonyms, words left out, typing errors, in this order. A changed text that is
/// (nearly) a held-out one is thrown away and the text stays: a model must not be trained on what it will be measured by.
/// </summary>
/// <param name="heldOut">The validation and test items' texts.</param>
/// <exception cref="DataFileException">The file of synonyms cannot be used.</exception>
public sealed class TextNoise(TextNoiseOptions options, HeldOutTexts heldOut)
{
    private readonly Synonyms? _synonyms = options.Synonyms is { } file ? Synonyms.Load(file) : null;

    /// <summary>Changed texts that were thrown away.</summary>
    public long Refused { get; private set; }

    /// <summary>The text as it is trained on this time; the same object where nothing was changed.</summary>
    /// <param name="rng">Decides alone what is changed.</param>
    public string Apply(string text, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(rng);
        var changed = new StringBuilder(text.Length + 8);
        int words = 0, at = 0;
        while (at < text.Length)
        {
            int end = at + 1;
            bool word = IsWord(text[at]);
            while (end < text.Length && IsWord(text[end]) == word)
                end++;
            if (!word)
                AppendGap(changed, text.AsSpan(at, end - at));
            else if (Change(text[at..end], rng) is { } kept)
                (words, _) = (words + 1, changed.Append(kept));
            at = end;
        }
        string result = changed.ToString().Trim();
        if (words == 0 || result == text.Trim())
            return text;
        if (!heldOut.Near(result))
            return result;
        Refused++;
        return text;
    }

    // Null for a word that is left out.
    private string? Change(string word, Rng rng)
    {
        if (_synonyms?.Of(word) is { Count: > 0 } others && rng.NextDouble() < options.SynonymShare)
        {
            string other = others[rng.NextInt(others.Count)];
            word = char.IsUpper(word[0]) ? char.ToUpperInvariant(other[0]) + other[1..] : other;
        }
        if (options.WordDropout > 0 && rng.NextDouble() < options.WordDropout)
            return null;
        return options.Typos > 0 && rng.NextDouble() < options.Typos && word.Length >= TypingError.ShortestWord ? TypingError.Make(word, rng) : word;
    }

    // Where a word was left out, the blanks around it do not become two.
    private static void AppendGap(StringBuilder changed, ReadOnlySpan<char> gap)
    {
        bool blank = changed.Length == 0 || char.IsWhiteSpace(changed[^1]);
        changed.Append(blank && char.IsWhiteSpace(gap[0]) ? gap[1..] : gap);
    }

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '\'';
}
