using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>What a unigram model is made of.</summary>
internal sealed record UnigramRules
{
    /// <summary>Log probabilities by id.</summary>
    public required double[] Scores { get; init; }

    public required int? UnknownId { get; init; }

    public bool ByteFallback { get; init; }

    /// <summary>Whether sums are rounded to 32 bits, as SentencePiece's are: on long texts that decides between near-equal cuts.</summary>
    public bool SinglePrecision { get; init; }

    /// <summary>Ids that text can become; null for all.</summary>
    public bool[]? Matched { get; init; }

    /// <summary>Ids that are taken wherever they occur, whatever they score.</summary>
    public IReadOnlySet<int> UserDefined { get; init; } = new HashSet<int>();
}

/// <summary>
/// The most likely cut of a text into tokens that are drawn independently of each other (Kudo 2018), found by Viterbi's
/// algorithm over an automaton of all tokens.
/// </summary>
internal sealed class Unigram : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly UnigramRules _rules;
    private readonly Vocabulary _vocabulary;
    private readonly TokenAutomaton _automaton;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly ByteTokens? _bytes;

    public Unigram(UnigramRules rules, Vocabulary vocabulary)
    {
        (_rules, _vocabulary) = (rules, vocabulary);
        var tokens = new List<(string, int)>();
        double least = double.PositiveInfinity, most = double.NegativeInfinity;
        for (int id = 0; id < rules.Scores.Length; id++)
        {
            bool counts = rules.Matched is null || rules.Matched[id];
            // SentencePiece's bounds are those of normal tokens; Hugging Face's those of all.
            if (rules.Matched is null || (counts && !rules.UserDefined.Contains(id)))
                (least, most) = (Math.Min(least, rules.Scores[id]), Math.Max(most, rules.Scores[id]));
            if (counts && id != rules.UnknownId && vocabulary.TokenOf(id).Length > 0)
                tokens.Add((vocabulary.TokenOf(id), id));
        }
        _unknownScore = Rounded((double.IsFinite(least) ? least : 0) - UnknownPenalty);
        _scores = [.. rules.Scores.Select((score, id) => rules.UserDefined.Contains(id)
            ? Encoding.UTF8.GetByteCount(vocabulary.TokenOf(id)) * most - 0.1 : score)];
        _automaton = new TokenAutomaton(tokens);
        if (rules.ByteFallback)
            _bytes = new ByteTokens(vocabulary.ModelIdOf);
    }

    public override int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans)
    {
        int length = piece.Length;
        double[] best = ArrayPool<double>.Shared.Rent(length + 1);
        int[] from = ArrayPool<int>.Shared.Rent(2 * (length + 1));
        Span<int> starts = from.AsSpan(0, length + 1), tokens = from.AsSpan(length + 1, length + 1);
        starts.Fill(-1);
        (best[0], starts[0]) = (0, 0);
        for (int end = 0, node = 0; end < length;)
        {
            Rune.DecodeFromUtf16(piece[end..], out _, out int width);
            for (int i = 0; i < width; i++)
                node = _automaton.Step(node, piece[end + i]);
            end += width;
            bool single = false;
            for (int match = _automaton.Longest(node); match >= 0; match = _automaton.Shorter(match))
            {
                int start = end - _automaton.LengthOf(match), token = _automaton.ValueOf(match);
                single |= _automaton.LengthOf(match) == width;
                if (starts[start] >= 0)
                    Offer(start, end, token, _scores[token], best, starts, tokens);
            }
            if (!single)
                Offer(end - width, end, -1, _unknownScore, best, starts, tokens);
        }
        int count = 0;
        for (int end = length; end > 0; end = starts[end])
            best[count++] = end;
        int[] ids = Collect(piece, best.AsSpan(0, count), starts, tokens, spans);
        ArrayPool<double>.Shared.Return(best);
        ArrayPool<int>.Shared.Return(from);
        return ids;
    }

    public override void Write(Utf8JsonWriter json, Vocabulary vocabulary)
    {
        json.WriteString("type", "Unigram");
        if (_rules.UnknownId is { } unknown)
            json.WriteNumber("unk_id", unknown);
        else
            json.WriteNull("unk_id");
        json.WriteStartArray("vocab");
        for (int id = 0; id < _rules.Scores.Length; id++)
        {
            json.WriteStartArray();
            json.WriteStringValue(vocabulary.TokenOf(id));
            json.WriteNumberValue(_scores[id]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteBoolean("byte_fallback", _rules.ByteFallback);
    }

    private void Offer(int start, int end, int token, double score, double[] best, Span<int> starts, Span<int> tokens)
    {
        double sum = Rounded(best[start] + score);
        if (starts[end] >= 0 && sum <= best[end])
            return;
        (best[end], starts[end], tokens[end]) = (sum, start, token);
    }

    private double Rounded(double value) => _rules.SinglePrecision ? (float)value : value;

    /// <summary>The tokens from left to right; neighbours that are unknown become one.</summary>
    private int[] Collect(ReadOnlySpan<char> piece, ReadOnlySpan<double> ends, ReadOnlySpan<int> starts, ReadOnlySpan<int> tokens, List<(int Start, int End)>? spans)
    {
        var ids = new List<int>(ends.Length);
        for (int i = ends.Length - 1; i >= 0; i--)
        {
            int end = (int)ends[i], start = starts[end];
            if (tokens[end] >= 0)
            {
                ids.Add(tokens[end]);
                spans?.Add((start, end));
                continue;
            }
            while (i > 0 && tokens[(int)ends[i - 1]] < 0)
                end = (int)ends[--i];
            if (_bytes is { } bytes && bytes.TryAppend(piece[start..end], start, ids, spans))
                continue;
            ids.Add(_rules.UnknownId ?? throw NoUnknown(piece[start..end]));
            spans?.Add((start, end));
        }
        return [.. ids];
    }
}
