using Cleave.Numerics;
using Cleave.Serving;

namespace Cleave.Tests.Serving;

public sealed class StopTextsTests
{
    [Theory]
    [InlineData("one two three", "two", "one ")]
    [InlineData("aab", "ab", "a")]
    [InlineData("no stop here", "xyz", "no stop here")]
    [InlineData("ends with par", "part", "ends with par")]
    [InlineData("", "x", "")]
    public void The_text_ends_before_the_stop_text(string text, string stop, string expected)
    {
        var stops = new StopTexts([stop]);
        Assert.Equal(expected, stops.Push(text) + stops.Finish());
    }

    [Fact]
    public void However_the_text_is_cut_into_pieces_the_stop_text_that_is_complete_first_ends_it()
    {
        var rng = new Rng(5);
        for (int trial = 0; trial < 500; trial++)
        {
            string text = Letters(rng, rng.NextInt(20));
            string[] stops = [Letters(rng, 1 + rng.NextInt(4)), Letters(rng, 1 + rng.NextInt(4))];
            int end = Enumerable.Range(0, text.Length + 1).FirstOrDefault(n => stops.Any(s => text[..n].EndsWith(s, StringComparison.Ordinal)), -1);
            string expected = end < 0 ? text : text[..(end - stops.Where(s => text[..end].EndsWith(s, StringComparison.Ordinal)).Max(s => s.Length))];
            var filter = new StopTexts(stops);
            string got = "";
            for (int i = 0; i < text.Length;)
            {
                int n = Math.Min(text.Length - i, 1 + rng.NextInt(3));
                got += filter.Push(text.Substring(i, n));
                i += n;
            }
            Assert.Equal(end >= 0, filter.Stopped);
            Assert.Equal(expected, got + filter.Finish());
        }
    }

    [Fact]
    public void Nothing_is_held_back_that_cannot_begin_a_stop_text()
    {
        var stops = new StopTexts(["END"]);
        Assert.Equal("hello ", stops.Push("hello E"));
        Assert.Equal("E-", stops.Push("-"));
    }

    private static string Letters(Rng rng, int count) => string.Concat(Enumerable.Range(0, count).Select(_ => (char)('a' + rng.NextInt(2))));
}
