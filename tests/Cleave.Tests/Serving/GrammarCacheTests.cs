using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;

namespace Cleave.Tests.Serving;

public sealed class GrammarCacheTests
{
    private int _made;

    private Grammar Ask(GrammarCache cache, string word, string origin = "test") => cache.Of(origin, word, () =>
    {
        _made++;
        return Grammar.Parse($"root ::= \"{word}\"", origin);
    });

    [Fact]
    public void What_was_asked_for_before_is_ready_and_what_nobody_asked_for_the_longest_goes()
    {
        var cache = new GrammarCache(2, long.MaxValue);
        Grammar first = Ask(cache, "a"), second = Ask(cache, "b");
        Assert.NotSame(first, second);
        Assert.Same(first, Ask(cache, "a"));
        Ask(cache, "c"); // b goes
        Assert.Same(first, Ask(cache, "a"));
        Assert.Equal(3, _made);
        Assert.NotSame(second, Ask(cache, "b"));
        Assert.NotSame(first, Ask(cache, "a", "elsewhere"));
    }

    [Fact]
    public void Large_ones_leave_room_for_few()
    {
        var cache = new GrammarCache(100, 1);
        Grammar first = Ask(cache, "abc");
        Assert.Same(first, Ask(cache, "abc"));
        Ask(cache, "abd");
        Assert.NotSame(first, Ask(cache, "abc"));
    }
}
