using System.Text;
using Cleave.Numerics;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>The hand-written scanners cut where .NET's regular expressions cut.</summary>
public class PreTokenizerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Scanners_agree_with_the_patterns_on_random_text(bool llama)
    {
        PreTokenizer scanner = llama ? PreTokenizer.Llama3 : PreTokenizer.Gpt2;
        var pattern = new RegexPreTokenizer(llama ? Llama3PreTokenizer.Pattern : Gpt2PreTokenizer.Pattern);
        var random = new Rng(11);
        for (int round = 0; round < 2000; round++)
        {
            string text = round % 4 == 0 ? RandomTexts.Broken(random, random.NextInt(24)) : RandomTexts.WellFormed(random, random.NextInt(24));
            Assert.Equal(Ends(pattern, text), Ends(scanner, text));
        }
    }

    [Theory]
    [InlineData("'ſx", 2)]
    [InlineData("'LLama", 3)]
    [InlineData("'veal", 3)]
    [InlineData("'xs", 3)]
    public void Llama_contractions_ignore_case(string text, int first) => Assert.Equal(first, Ends(PreTokenizer.Llama3, text)[0]);

    [Theory]
    [InlineData('a')]
    [InlineData(' ')]
    [InlineData('\n')]
    [InlineData('.')]
    [InlineData('\'')]
    [InlineData('7')]
    [InlineData('\uD83D')]
    public void A_long_run_of_one_character_takes_linear_time(char c)
    {
        // A quadratic scanner would not end: 10^11 steps.
        string text = new(c, 300_000);
        foreach (PreTokenizer preTokenizer in (PreTokenizer[])[PreTokenizer.Gpt2, PreTokenizer.Llama3])
        {
            Assert.Equal(text.Length, Ends(preTokenizer, text)[^1]);
            Assert.Equal(text.Length + 1, Ends(preTokenizer, text + "x")[^1]);
        }
    }

    [Fact]
    public void A_pattern_of_its_own_keeps_what_lies_between_matches()
    {
        Assert.Equal([2, 3, 5, 6, 8], Ends(new RegexPreTokenizer("-"), "ab-cd-👍"));
        Assert.Equal([2, 3], Ends(new RegexPreTokenizer(@"\p{So}"), "👍x"));
        Assert.Equal([1], Ends(new RegexPreTokenizer("b*"), "a"));
        Assert.ThrowsAny<ArgumentException>(() => new RegexPreTokenizer("(a"));
        Assert.Equal([3, 4], Ends(new RegexPreTokenizer("a++"), "aaab"));
        Assert.ThrowsAny<ArgumentException>(() => new RegexPreTokenizer("[a"));
    }

    [Fact]
    public void A_pattern_that_explodes_is_stopped()
    {
        var exploding = new RegexPreTokenizer(@"(?=x)y|(a+)+\1b");
        var error = Assert.Throws<CleaveException>(() => Ends(exploding, new string('a', 5000)));
        Assert.Contains("takes too long", error.Message, StringComparison.Ordinal);
    }

    private static List<int> Ends(PreTokenizer preTokenizer, string text)
    {
        var ends = new List<int>();
        preTokenizer.Split(text, ends);
        return ends;
    }
}
