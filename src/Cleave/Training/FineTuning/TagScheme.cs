using Cleave.Data;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Spans as one tag a token: O outside, B-x at a span's first token, I-x inside (Ramshaw and Marcus, 1995).
/// </summary>
public sealed class TagScheme
{
    private const string Outside = "O";
    private const float Nearly = 1e-4f;
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);

    public TagScheme(IReadOnlyList<string> spanLabels)
    {
        ArgumentNullException.ThrowIfNull(spanLabels);
        SpanLabels = spanLabels;
        for (int i = 0; i < spanLabels.Count; i++)
            _index[spanLabels[i]] = i;
        Tags = [Outside, .. spanLabels.SelectMany(l => new[] { "B-" + l, "I-" + l })];
    }

    /// <summary>The scheme that says what a published tagger's tags say; <see cref="Arranged"/> brings its scores into the order of <see cref="Tags"/>.</summary>
    public static TagScheme FromTags(IReadOnlyList<string> tags)
    {
        ArgumentNullException.ThrowIfNull(tags);
        return new TagScheme([.. tags.Where(t => t != Outside).Select(Label).Distinct(StringComparer.Ordinal)]);
    }

    public IReadOnlyList<string> SpanLabels { get; }

    public IReadOnlyList<string> Tags { get; }

    /// <summary>
    /// Scores in the order of <see cref="Tags"/>, (tokens, tags), from those of a tagger with other tags. Where a label has no B- of
    /// its own, spans begin with I- (as in Ramshaw and Marcus, 1995) or bear the label alone: beginning is then nearly as likely as being inside.
    /// </summary>
    /// <param name="tags">The tagger's, such as O, I-PER, B-PER or PER, in any order.</param>
    /// <param name="logProbabilities">(tokens, the tagger's tags)</param>
    public float[] Arranged(IReadOnlyList<string> tags, ReadOnlySpan<float> logProbabilities)
    {
        ArgumentNullException.ThrowIfNull(tags);
        bool loose = SpanLabels.Any(l => !tags.Contains("B-" + l));
        int rows = logProbabilities.Length / tags.Count, k = Tags.Count;
        var arranged = new float[rows * k];
        Array.Fill(arranged, float.NegativeInfinity);
        for (int r = 0; r < rows; r++)
        {
            Span<float> row = arranged.AsSpan(r * k, k);
            for (int t = 0; t < tags.Count; t++)
            {
                float score = logProbabilities[r * tags.Count + t];
                if (tags[t] == Outside)
                {
                    row[0] = score;
                    continue;
                }
                int first = 1 + 2 * _index[Label(tags[t])];
                bool begins = tags[t].StartsWith("B-", StringComparison.Ordinal);
                if (begins || loose)
                    row[first] = Math.Max(row[first], begins ? score : score - Nearly);
                if (!begins)
                    row[first + 1] = score;
            }
        }
        return arranged;
    }

    /// <summary>The tag of each token: a token belongs to a span when they share a character.</summary>
    public int[] Encode(IReadOnlyList<TextSpan> spans, ReadOnlySpan<(int Start, int End)> tokens)
    {
        ArgumentNullException.ThrowIfNull(spans);
        var tags = new int[tokens.Length];
        foreach (TextSpan span in spans)
        {
            bool first = true;
            for (int t = 0; t < tokens.Length; t++)
            {
                if (tokens[t].End <= span.Start || tokens[t].Start >= span.End || !_index.TryGetValue(span.Label, out int label))
                    continue;
                tags[t] = 1 + 2 * label + (first ? 0 : 1);
                first = false;
            }
        }
        return tags;
    }

    /// <summary>
    /// The spans of the most likely valid tag sequence (an I-x follows only B-x or I-x), with each span's mean
    /// probability. <paramref name="logProbabilities"/> is (tokens, tags).
    /// </summary>
    public IReadOnlyList<(TextSpan Span, double Probability)> Decode(string text, ReadOnlySpan<(int Start, int End)> tokens, ReadOnlySpan<float> logProbabilities)
    {
        ArgumentNullException.ThrowIfNull(text);
        int k = Tags.Count;
        int[] tags = Viterbi(tokens.Length, logProbabilities, k);
        var spans = new List<(TextSpan, double)>();
        for (int t = 0; t < tokens.Length; t++)
        {
            if (tags[t] % 2 != 1)
                continue;
            int end = t + 1;
            while (end < tokens.Length && tags[end] == tags[t] + 1)
                end++;
            double probability = 0;
            for (int i = t; i < end; i++)
                probability += Math.Exp(logProbabilities[i * k + tags[i]]) / (end - t);
            if (Trim(text, tokens[t].Start, tokens[end - 1].End, SpanLabels[(tags[t] - 1) / 2]) is { } span)
                spans.Add((span, probability));
        }
        return spans;
    }

    private static int[] Viterbi(int length, ReadOnlySpan<float> scores, int k)
    {
        if (length == 0)
            return [];
        var best = new float[length, k];
        var from = new int[length, k];
        for (int t = 0; t < length; t++)
        {
            int top = 0;
            for (int p = 1; t > 0 && p < k; p++)
            {
                if (best[t - 1, p] > best[t - 1, top])
                    top = p;
            }
            for (int tag = 0; tag < k; tag++)
            {
                bool inside = tag > 0 && tag % 2 == 0;
                if (t == 0)
                {
                    best[t, tag] = inside ? float.NegativeInfinity : scores[tag];
                    continue;
                }
                int previous = inside ? (best[t - 1, tag - 1] >= best[t - 1, tag] ? tag - 1 : tag) : top;
                from[t, tag] = previous;
                best[t, tag] = best[t - 1, previous] + scores[t * k + tag];
            }
        }
        var tags = new int[length];
        for (int tag = 1; tag < k; tag++)
        {
            if (best[length - 1, tag] > best[length - 1, tags[length - 1]])
                tags[length - 1] = tag;
        }
        for (int t = length - 1; t > 0; t--)
            tags[t - 1] = from[t, tags[t]];
        return tags;
    }

    private static string Label(string tag) => tag.Length > 2 && tag[1] == '-' && tag[0] is 'B' or 'I' ? tag[2..] : tag;

    // Byte-level tokens carry the blank before a word; a span does not start or end with one.
    private static TextSpan? Trim(string text, int start, int end, string label)
    {
        while (start < end && char.IsWhiteSpace(text[start]))
            start++;
        while (end > start && char.IsWhiteSpace(text[end - 1]))
            end--;
        return start < end ? new TextSpan(start, end, label) : null;
    }
}
