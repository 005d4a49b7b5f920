using System.Runtime.InteropServices;
using System.Text;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.PreTokenizers;
using Cleave.Tokenizers.Reading;

namespace Cleave.Tokenizers;

/// <summary>
/// Trains a byte-level BPE vocabulary (Sennrich et al. 2016): starting from the 256 bytes, the pair of neighbours
/// that occurs most often becomes a token, again and again; of pairs that occur equally often, the one whose
/// bytes are lexicographically greater. The same texts in the same order give the same tokenizer.
/// </summary>
public static class BpeTrainer
{
    /// <param name="texts">Read once, in order.</param>
    /// <param name="vocabularySize">
    /// Special tokens, 256 bytes and merged tokens together. The result is smaller when every word of the texts
    /// has become one token before.
    /// </param>
    /// <param name="specialTokens">Get the first ids; where they stand in the texts, they separate words.</param>
    /// <param name="progress">Told the size of the vocabulary as it grows.</param>
    public static Tokenizer Train(
        IEnumerable<string> texts, int vocabularySize, IReadOnlyList<string> specialTokens, PreTokenizer preTokenizer,
        IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(specialTokens);
        ArgumentNullException.ThrowIfNull(preTokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 256 + specialTokens.Count);
        CheckSpecialTokens(specialTokens);
        AddedToken[] special = [.. specialTokens.Select((name, id) => new AddedToken(id, name, Special: true))];
        var state = new BpeTraining(special.Length, specialTokens, CountWords(texts, special, preTokenizer, cancellation));
        while (state.VocabularySize < vocabularySize && state.MergeNext())
        {
            if (state.VocabularySize % 64 != 0)
                continue;
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(state.VocabularySize);
        }
        progress?.Report(state.VocabularySize);
        string[] tokens = [.. specialTokens, .. state.Tokens.Select(t => ByteAlphabet.Encode(t))];
        const string file = "the trained tokenizer";
        var vocabulary = new VocabularyBuilder(file, tokens.Length);
        foreach (string token in tokens)
            vocabulary.AppendModelToken(token);
        foreach (AddedToken token in special)
            vocabulary.AddToken(token);
        return new Tokenizer(VocabularyAndMergesReader.Build(
            vocabulary, new BpeRules { Merges = state.Merges }, VocabularyAndMergesReader.PreTokenizerJson(preTokenizer), file));
    }

    /// <summary>A special token must not read as the bytes of an ordinary one.</summary>
    private static void CheckSpecialTokens(IReadOnlyList<string> specialTokens)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string token in specialTokens)
        {
            byte[] bytes = ByteAlphabet.Decode(token);
            if (bytes.Length < 2 || !bytes.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(token)))
                throw new ArgumentException($"the special token '{token}' reads as ordinary text; use a name such as <|{token}|>", nameof(specialTokens));
            if (!seen.Add(token))
                throw new ArgumentException($"the special token '{token}' is there twice", nameof(specialTokens));
        }
    }

    /// <summary>Every distinct word with the number of times it occurs, in the order of first occurrence.</summary>
    private static List<(string Word, long Count)> CountWords(
        IEnumerable<string> texts, AddedToken[] special, PreTokenizer preTokenizer, CancellationToken cancellation)
    {
        var matcher = new AddedTokenMatcher(special);
        var words = new List<(string Word, long Count)>();
        var indices = new Dictionary<string, int>(StringComparer.Ordinal);
        var bySpan = indices.GetAlternateLookup<ReadOnlySpan<char>>();
        var ends = new List<int>();
        foreach (string text in texts)
        {
            cancellation.ThrowIfCancellationRequested();
            int[]? scan = matcher.Scan(text);
            for (int from = 0; from < text.Length;)
            {
                matcher.Next(text, from, scan, out int specialStart, out int specialEnd);
                ReadOnlySpan<char> piece = text.AsSpan(from, specialStart - from);
                from = specialEnd;
                if (preTokenizer.AddPrefixSpace && piece is not [] and not [' ', ..])
                    piece = string.Concat(" ", piece);
                ends.Clear();
                preTokenizer.Split(piece, ends);
                int start = 0;
                foreach (int end in ends)
                {
                    ReadOnlySpan<char> word = piece[start..end];
                    start = end;
                    ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(bySpan, word, out bool known);
                    if (!known)
                    {
                        index = words.Count;
                        words.Add((word.ToString(), 0));
                    }
                    CollectionsMarshal.AsSpan(words)[index].Count++;
                }
            }
        }
        return words;
    }
}
