using System.Buffers;

namespace Cleave.Tokenizers;

/// <summary>Finds the first, and there the longest, of a set of added tokens in a text, with a trie.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, char Character), int> _edges = [];
    private readonly List<AddedToken?> _accepts = [null];
    private readonly SearchValues<char> _firsts;

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        var firsts = new SortedSet<char>();
        foreach (AddedToken token in tokens)
        {
            firsts.Add(token.Content[0]);
            int node = 0;
            foreach (char c in token.Content)
            {
                if (!_edges.TryGetValue((node, c), out int next))
                {
                    _edges[(node, c)] = next = _accepts.Count;
                    _accepts.Add(null);
                }
                node = next;
            }
            _accepts[node] = token;
        }
        _firsts = SearchValues.Create([.. firsts]);
    }

    public bool IsEmpty => _accepts.Count == 1;

    /// <summary>The next token at or after a position, with the white space that it takes along.</summary>
    public AddedToken? Next(ReadOnlySpan<char> text, int from, out int start, out int end)
    {
        for (start = from; ; start++)
        {
            int step = text[start..].IndexOfAny(_firsts);
            if (step < 0)
                break;
            start += step;
            if (LongestAt(text, start) is not { } token)
                continue;
            end = start + token.Content.Length;
            if (token.SingleWord && (TouchesWord(text, start - 1) || TouchesWord(text, end)))
                continue;
            while (token.LeftStrip && start > from && char.IsWhiteSpace(text[start - 1]))
                start--;
            while (token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            return token;
        }
        start = end = text.Length;
        return null;
    }

    private AddedToken? LongestAt(ReadOnlySpan<char> text, int start)
    {
        AddedToken? best = null;
        int node = 0;
        for (int i = start; i < text.Length && _edges.TryGetValue((node, text[i]), out node); i++)
            best = _accepts[node] ?? best;
        return best;
    }

    private static bool TouchesWord(ReadOnlySpan<char> text, int position) =>
        (uint)position < (uint)text.Length && (char.IsLetterOrDigit(text[position]) || text[position] == '_');
}
