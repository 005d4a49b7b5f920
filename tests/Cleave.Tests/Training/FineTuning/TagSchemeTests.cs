using Cleave.Data;
using Cleave.Numerics;
using Cleave.Training.FineTuning;

namespace Cleave.Tests.Training.FineTuning;

public class TagSchemeTests
{
    private const string Text = "send the red lamp to Paris today";
    private static readonly (int, int)[] Tokens = [(0, 4), (4, 8), (8, 12), (12, 17), (17, 20), (20, 26), (26, 32)];
    private static readonly TagScheme Scheme = new(["product", "city"]);

    [Fact]
    public void Spans_become_tags_and_come_back()
    {
        TextSpan[] spans = [new(9, 17, "product"), new(21, 26, "city")];
        int[] tags = Scheme.Encode(spans, Tokens);
        Assert.Equal(["O", "O", "B-product", "I-product", "O", "B-city", "O"], tags.Select(t => Scheme.Tags[t]));
        Assert.Equal(spans, Scheme.Decode(Text, Tokens, Certain(tags)).Select(s => s.Span));
    }

    [Fact]
    public void An_inside_tag_without_a_beginning_is_not_decoded()
    {
        // The likeliest single tags would be O I-city: the best valid sequence is found instead.
        float[] scores = new float[7 * 5];
        Array.Fill(scores, -9);
        for (int t = 0; t < 7; t++)
            scores[t * 5] = -0.1f;
        scores[5 * 5] = -2;
        scores[5 * 5 + 4] = -0.5f; // I-city
        scores[5 * 5 + 3] = -0.6f; // B-city
        Assert.Equal([new TextSpan(21, 26, "city")], Scheme.Decode(Text, Tokens, scores).Select(s => s.Span));
    }

    [Fact]
    public void Random_scores_give_spans_in_order_within_the_text()
    {
        var rng = new Rng(2);
        for (int round = 0; round < 200; round++)
        {
            float[] scores = [.. Enumerable.Range(0, 35).Select(_ => -(float)rng.NextDouble() * 5)];
            int last = 0;
            foreach ((TextSpan span, double probability) in Scheme.Decode(Text, Tokens, scores))
            {
                Assert.True(last <= span.Start && span.Start < span.End && span.End <= Text.Length);
                Assert.False(char.IsWhiteSpace(Text[span.Start]) || char.IsWhiteSpace(Text[span.End - 1]));
                Assert.InRange(probability, 0, 1);
                last = span.End;
            }
        }
    }

    private static float[] Certain(int[] tags)
    {
        var scores = new float[tags.Length * 5];
        Array.Fill(scores, -20);
        for (int t = 0; t < tags.Length; t++)
            scores[t * 5 + tags[t]] = 0;
        return scores;
    }

    /// <summary>The tags of taggers as they are published: in any order, beginning with I- (IOB1), or bare.</summary>
    [Theory]
    [InlineData(new[] { "I-city", "O", "B-city" }, new[] { 1, 2, 0, 1, 2 }, "1-3:city 4-5:city")]
    [InlineData(new[] { "O", "I-city", "B-city", "I-product" }, new[] { 0, 1, 1, 2, 3 }, "1-3:city 3-4:city 4-5:product")]
    [InlineData(new[] { "NOUN", "VERB" }, new[] { 0, 0, 1, 0, 1 }, "0-2:NOUN 2-3:VERB 3-4:NOUN 4-5:VERB")]
    public void Published_tags_say_what_they_say(string[] tags, int[] best, string spans)
    {
        TagScheme scheme = TagScheme.FromTags(tags);
        float[] scores = [.. best.SelectMany(b => tags.Select((_, t) => MathF.Log(t == b ? 0.8f : 0.2f / (tags.Length - 1))))];
        (int, int)[] tokens = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)];
        var found = scheme.Decode("abcde", tokens, scheme.Arranged(tags, scores));
        Assert.Equal(spans, string.Join(' ', found.Select(f => $"{f.Span.Start}-{f.Span.End}:{f.Span.Label}")));
        Assert.All(found, f => Assert.Equal(0.8, f.Probability, 1e-3));
    }
}
