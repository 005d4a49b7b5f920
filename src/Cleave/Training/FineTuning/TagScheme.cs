using Cleave.Data;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Spans as one tag a token: O outside, B-x at a span's first token, I-x inside (Ramshaw and Marcus, 1995).
/// </summary>
public sealed class TagScheme
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<string> _spanLabels;

    public TagScheme(IReadOnlyList<string> spanLabels)
    {
        ArgumentNullException.ThrowIfNull(spanLabels);
        _spanLabels = spanLabels;
        for (int i = 0; i < spanLabels.Count; i++)
            _index[spanLabels[i]] = i;
        Tags = ["O", .. spanLabels.SelectMany(l => new[] { "B-" + l, "I-" + l })];
    }

    /// <summary>The scheme whose <see cref="Tags"/> these are.</summary>
    public static TagScheme FromTags(IReadOnlyList<string> tags)
    {
        ArgumentNullException.ThrowIfNull(tags);
        return new TagScheme([.. tags.Where(t => t.StartsWith("B-", StringComparison.Ordinal)).Select(t => t[2..])]);
    }

    public IReadOnlyList<string> Tags { get; }

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
            if (Trim(text, tokens[t].Start, tokens[end - 1].End, _spanLabels[(tags[t] - 1) / 2]) is { } span)
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
