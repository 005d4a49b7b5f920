using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>
/// WordPiece (Wu et al. 2016; BERT): from the left, always the longest token that fits. The longest token from every
/// place is found in one scan from right to left, so that a word takes time in proportion to its length.
/// </summary>
internal sealed class WordPiece : TokenModel
{
    private readonly Vocabulary _vocabulary;
    private readonly string _unknownToken, _prefix;
    private readonly int _longestWord;
    private readonly TokenAutomaton _first, _further;

    /// <param name="longestWord">Characters; a longer word is unknown as a whole.</param>
    public WordPiece(Vocabulary vocabulary, string unknownToken, string prefix, int longestWord)
    {
        (_vocabulary, _unknownToken, _prefix, _longestWord) = (vocabulary, unknownToken, prefix, longestWord);
        var model = vocabulary.ModelTokens().Where(t => t.Token.Length > 0).ToList();
        _first = new TokenAutomaton(model, reversed: true);
        _further = prefix.Length == 0 ? _first : new TokenAutomaton(
            [.. model.Where(t => t.Token.Length > prefix.Length && t.Token.StartsWith(prefix, StringComparison.Ordinal))
                .Select(t => (t.Token[prefix.Length..], t.Id))], reversed: true);
    }

    public override int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans)
    {
        int characters = 0;
        foreach (Rune _ in piece.EnumerateRunes())
            characters++;
        if (characters > _longestWord)
            return Unknown(piece, spans);
        int[] rented = ArrayPool<int>.Shared.Rent(piece.Length);
        Span<int> further = rented.AsSpan(0, piece.Length);
        int firstNode = 0, furtherNode = 0;
        for (int at = piece.Length - 1; at >= 0; at--)
        {
            firstNode = _first.Step(firstNode, piece[at]);
            furtherNode = _further.Step(furtherNode, piece[at]);
            further[at] = _further.Longest(furtherNode);
        }
        var ids = new List<int>();
        int before = spans?.Count ?? 0;
        for (int at = 0; at < piece.Length;)
        {
            TokenAutomaton tokens = at == 0 ? _first : _further;
            int match = at == 0 ? _first.Longest(firstNode) : further[at];
            if (match < 0)
            {
                ArrayPool<int>.Shared.Return(rented);
                spans?.RemoveRange(before, spans.Count - before);
                return Unknown(piece, spans);
            }
            ids.Add(tokens.ValueOf(match));
            spans?.Add((at, at + tokens.LengthOf(match)));
            at += tokens.LengthOf(match);
        }
        ArrayPool<int>.Shared.Return(rented);
        return [.. ids];
    }

    public override void Write(Utf8JsonWriter json, Vocabulary vocabulary)
    {
        json.WriteString("type", "WordPiece");
        json.WriteString("unk_token", _unknownToken);
        json.WriteString("continuing_subword_prefix", _prefix);
        json.WriteNumber("max_input_chars_per_word", _longestWord);
        vocabulary.Write(json);
    }

    private int[] Unknown(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans)
    {
        spans?.Add((0, piece.Length));
        return [_vocabulary.ModelIdOf(_unknownToken) ?? throw NoUnknown(piece)];
    }
}
