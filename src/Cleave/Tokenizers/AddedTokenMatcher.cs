using System.Buffers;
using System.Text;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.Characters;

namespace Cleave.Tokenizers;

/// <summary>Finds the first, and there the longest, of a set of added tokens in a text, with a trie.</summary>
internal sealed class AddedTokenMatcher
{
    /// <summary>Tokens up to this length are looked for character by character; longer ones in one scan of the text.</summary>
    private const int ShortToken = 128;

    private readonly Dictionary<(int Node, char Character), int> _edges = [];
    private readonly List<AddedToken?> _accepts = [null];
    private readonly SearchValues<string>? _beginnings;
    private readonly TokenAutomaton? _fromRight;
    private readonly AddedToken[] _tokens;

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
        : this(tokens.Select(t => (t.Content, t)))
    {
    }

    /// <param name="tokens">What is looked for, and the token that it stands for.</param>
    public AddedTokenMatcher(IEnumerable<(string Shown, AddedToken Token)> tokens)
    {
        (string Shown, AddedToken Token)[] all = [.. tokens.Where(t => t.Shown.Length > 0)];
        _tokens = [.. all.Select(t => t.Token)];
        if (all.Any(t => t.Shown.Length > ShortToken))
        {
            _fromRight = new TokenAutomaton([.. all.Select((t, i) => (t.Shown, i))], reversed: true);
            return;
        }
        _beginnings = SearchValues.Create(Shortest(all.Select(t => t.Shown)), StringComparison.Ordinal);
        foreach ((string shown, AddedToken token) in all)
        {
            int node = 0;
            foreach (char c in shown)
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
    }

    public bool IsEmpty => _tokens.Length == 0;

    /// <summary>The longest token from every place of a text, for <see cref="Next"/>; null where that is not needed.</summary>
    public int[]? Scan(ReadOnlySpan<char> text)
    {
        if (_fromRight is null)
            return null;
        var longest = new int[text.Length];
        for (int at = text.Length - 1, node = 0; at >= 0; at--)
        {
            node = _fromRight.Step(node, text[at]);
            longest[at] = _fromRight.Longest(node);
        }
        return longest;
    }

    /// <summary>The next token at or after a position, with the white space that it takes along.</summary>
    /// <param name="scan">What <see cref="Scan"/> gave for the text.</param>
    public AddedToken? Next(ReadOnlySpan<char> text, int from, int[]? scan, out int start, out int end)
    {
        for (start = from; ; start++)
        {
            int step = _beginnings is null ? scan.AsSpan(start).IndexOfAnyExcept(-1) : text[start..].IndexOfAny(_beginnings);
            if (step < 0)
                break;
            start += step;
            if (LongestAt(text, start, scan, out end) is not { } token)
                continue;
            if (token.SingleWord && (EndsInWord(text[..start]) || BeginsWithWord(text[end..])))
            {
                start = end - 1;
                continue;
            }
            while (token.LeftStrip && start > from && char.IsWhiteSpace(text[start - 1]))
                start--;
            while (token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            return token;
        }
        start = end = text.Length;
        return null;
    }

    /// <summary>The tokens that no other is the beginning of: where one of all occurs, one of these does.</summary>
    private static string[] Shortest(IEnumerable<string> tokens)
    {
        var shortest = new List<string>();
        foreach (string token in tokens.Order(StringComparer.Ordinal))
        {
            if (shortest.Count == 0 || !token.StartsWith(shortest[^1], StringComparison.Ordinal))
                shortest.Add(token);
        }
        return [.. shortest];
    }

    private AddedToken? LongestAt(ReadOnlySpan<char> text, int start, int[]? scan, out int end)
    {
        end = start;
        if (scan is not null)
        {
            int match = scan[start];
            end += match < 0 ? 0 : _fromRight!.LengthOf(match);
            return match < 0 ? null : _tokens[_fromRight!.ValueOf(match)];
        }
        AddedToken? best = null;
        int node = 0;
        for (int i = start; i < text.Length && _edges.TryGetValue((node, text[i]), out node); i++)
        {
            if (_accepts[node] is { } token)
                (best, end) = (token, i + 1);
        }
        return best;
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        !text.IsEmpty && Rune.DecodeLastFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterKinds.IsWord(rune);

    private static bool BeginsWithWord(ReadOnlySpan<char> text) =>
        !text.IsEmpty && Rune.DecodeFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterKinds.IsWord(rune);
}
