using System.Text;
using Cleave.Tokenizers.Algorithms;

namespace Cleave.Tokenizers.SentencePiece;

/// <summary>
/// The merges that a list of scored tokens implies: two neighbours merge where together they are a token, the best score
/// first, the leftmost of equals. So SentencePiece's byte-pair encoding and that of tiktoken are told.
/// </summary>
internal static class PieceMerges
{
    /// <param name="tokens">Tokens that text can become.</param>
    /// <param name="firstInner">The first id for characters that are no token but occur inside of one.</param>
    /// <param name="characters">Whether symbols are characters, which have an id even where they are no token.</param>
    public static BpeRules Of(IReadOnlyList<(string Text, int Id, double Score)> tokens, int firstInner, bool characters)
    {
        var ids = new Dictionary<string, int>(tokens.Count, StringComparer.Ordinal);
        foreach ((string text, int id, _) in tokens)
            ids.TryAdd(text, id);
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var inner = new Dictionary<int, int>();
        var beginnings = new TokenAutomaton([.. tokens.Select(t => (t.Text, t.Id))]);
        var merges = new List<(int, int, int)>();
        var ranks = new List<int>();
        (double Score, int Rank) last = (double.NaN, -1);
        foreach ((string text, int id, double score) in tokens.OrderByDescending(t => t.Score).ThenBy(t => t.Id))
        {
            if (score != last.Score)
                last = (score, last.Rank + 1);
            // The text is a path in the trie, so the state after a beginning says whether that is a token.
            for (int at = 0, node = 0; at < text.Length;)
            {
                Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out int length);
                for (int i = 0; i < length; i++)
                    node = beginnings.Step(node, text[at + i]);
                bool single = at == 0;
                at += length;
                if (at == text.Length)
                    break;
                int left = beginnings.ValueOf(node);
                if (left < 0 && !(single && characters))
                    continue;
                if (IdOf(text.AsSpan(at)) is not { } right)
                    continue;
                merges.Add((left >= 0 ? left : Inner(rune), right, id));
                ranks.Add(last.Rank);
            }
        }
        return new BpeRules { Merges = merges, Ranks = ranks, InnerCharacters = inner };

        int? IdOf(ReadOnlySpan<char> rest)
        {
            if (lookup.TryGetValue(rest, out int id))
                return id;
            return characters && Rune.DecodeFromUtf16(rest, out Rune rune, out int length) == System.Buffers.OperationStatus.Done
                && length == rest.Length ? Inner(rune) : null;
        }

        int Inner(Rune rune)
        {
            if (!inner.TryGetValue(rune.Value, out int id))
                inner.Add(rune.Value, id = firstInner + inner.Count);
            return id;
        }
    }
}
