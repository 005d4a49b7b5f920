using Cleave.Training.FineTuning;

namespace Cleave.Tests.Training.FineTuning;

public sealed class AnswerSpanTests
{
    [Theory]
    // Beginnings, then ends; the first of each stands for the answer that there is none.
    [InlineData(new[] { 0f, 1, 5, 0 }, new[] { 0f, 0, 1, 4 }, 1, 2)]
    [InlineData(new[] { 0f, 0, 0, 5 }, new[] { 0f, 4, 0, 2 }, 2, 2)] // not from the last back to the first
    [InlineData(new[] { 4f, 1, 2, 0 }, new[] { 4f, 0, 1, 3 }, -1, -1)]
    [InlineData(new[] { 3f, 1, 4, 0 }, new[] { 3f, 0, 1, 3 }, 1, 2)]
    [InlineData(new[] { 0f }, new[] { 0f }, -1, -1)]
    public void The_best_span_is_found(float[] begins, float[] ends, int first, int last)
    {
        (int First, int Last, double Probability) found = AnswerSpan.Find([.. begins.Zip(ends).SelectMany(p => (float[])[p.First, p.Second])]);
        Assert.Equal((first, last), (found.First, found.Last));
        double expected = Math.Exp(begins[first + 1]) / begins.Sum(z => Math.Exp(z)) * Math.Exp(ends[last + 1]) / ends.Sum(z => Math.Exp(z));
        Assert.Equal(expected, found.Probability, 1e-5);
    }

    [Fact]
    public void An_answer_has_thirty_tokens_at_most()
    {
        var scores = new float[2 * 61];
        (scores[2], scores[2 * 40 + 1], scores[2 * 30 + 1]) = (9, 9, 5);
        Assert.Equal((0, 29), (AnswerSpan.Find(scores).First, AnswerSpan.Find(scores).Last));
    }
}
