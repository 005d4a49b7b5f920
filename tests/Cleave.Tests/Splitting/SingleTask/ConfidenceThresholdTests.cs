using Cleave.Splitting.SingleTask;

namespace Cleave.Tests.Splitting.SingleTask;

public class ConfidenceThresholdTests
{
    [Fact]
    public void The_lowest_confidence_that_is_right_often_enough_is_found()
    {
        // 40 items from 0.99 down; the 25th to the 28th are wrong, and the last four.
        var items = Enumerable.Range(0, 40).Select(i => (Confidence: 0.99 - 0.01 * i, Right: i is < 24 or (> 27 and < 36))).ToArray();
        Assert.Equal(new ConfidenceThreshold(items[24].Confidence, 24 / 25.0, 25), ConfidenceThreshold.Find(items, 0.95));
        Assert.Equal(24, ConfidenceThreshold.Find(items, 1)!.Items);
        Assert.Equal(26, ConfidenceThreshold.Find(items, 0.92)!.Items);
        // Missed at the 28th item, reached again further down.
        Assert.Equal(new ConfidenceThreshold(items[35].Confidence, 32 / 36.0, 36), ConfidenceThreshold.Find(items, 0.88));
    }

    [Fact]
    public void Items_of_one_confidence_stand_together_and_a_few_say_nothing()
    {
        var tied = Enumerable.Range(0, 30).Select(i => (Confidence: i < 20 ? 0.9 : 0.8, Right: i != 19)).ToArray();
        Assert.Equal(new ConfidenceThreshold(0.8, 29 / 30.0, 30), ConfidenceThreshold.Find(tied, 0.95));
        Assert.Equal(0.9, ConfidenceThreshold.Find(tied.Select((t, i) => (t.Confidence, i < 20)), 0.95)!.Confidence);
        Assert.Null(ConfidenceThreshold.Find(tied, 0.99));
        Assert.Null(ConfidenceThreshold.Find(tied.Take(ConfidenceThreshold.LeastItems - 1), 0.5));
    }
}
