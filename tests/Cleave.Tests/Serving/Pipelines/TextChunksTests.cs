using Cleave.Numerics;
using Cleave.Serving.Pipelines;

namespace Cleave.Tests.Serving.Pipelines;

[Trait("Kernels", "unused")]
public sealed class TextChunksTests
{
    [Theory]
    [InlineData("It came late. I am sad!  Why?", "It came late.|I am sad!|Why?")]
    [InlineData("One line\nanother one\r\n\n  third ", "One line|another one|third")]
    [InlineData("It cost 3.50, i.e. too much. Order no. 7 is gone.", "It cost 3.50, i.e. too much.|Order no.|7 is gone.")]
    [InlineData("J. Smith said (\"Never!\") and left... \"Good.\" Then he came back", "J. Smith said (\"Never!\")|and left...|\"Good.\"|Then he came back")]
    [InlineData("箱が壊れた。交換して！はい", "箱が壊れた。|交換して！|はい")]
    [InlineData("no end", "no end")]
    [InlineData("?! . …", "?!|.|…")]
    [InlineData(" \n ", "")]
    public void Sentences_end_where_people_see_them_end(string text, string expected) =>
        Assert.Equal(expected, string.Join('|', TextChunks.Sentences(text).Select(r => text[r])));

    [Fact]
    public void Stretches_hold_whole_words_up_to_the_limit()
    {
        static int Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
        Assert.Equal(["a bb ccc", "d e f", "g"], Cut(" a bb ccc d e f  g ", 3, Words));
        Assert.Equal(["abcd", "ef", "gh", "ij k"], Cut("abcdef gh ij k", 4, t => t.Length)); // a word that is too long is cut
        Assert.Equal(["😀", "😀"], Cut("😀😀", 1, t => t.Length)); // no character is cut, even where it is too long
        Assert.Empty(Cut("  ", 3, Words));
        string endless = string.Concat(Enumerable.Repeat("日本😀", 20_000));
        int read = 0;
        string[] parts = Cut(endless, 4, t => { read += t.Length; return t.Length; });
        Assert.Equal(endless, string.Concat(parts));
        Assert.All(parts, p => Assert.InRange(p.Length, 1, 4));
        Assert.InRange(read, endless.Length, 200 * endless.Length); // what is read grows with the text, not with its square
    }

    [Fact]
    public void Nothing_is_lost_and_no_stretch_could_have_been_longer()
    {
        var rng = new Rng(5);
        for (int round = 0; round < 200; round++)
        {
            string text = string.Concat(Enumerable.Range(0, rng.NextInt(60)).Select(_ => rng.NextInt(4) == 0 ? " " : ((char)('a' + rng.NextInt(3))).ToString()));
            int most = 1 + rng.NextInt(9);
            static int Tokens(string t) => t.Split(' ', StringSplitOptions.RemoveEmptyEntries).Sum(w => (w.Length + 1) / 2);
            IReadOnlyList<Range> parts = TextChunks.Tokens(text, most, Tokens);
            Assert.Equal(text.Replace(" ", "", StringComparison.Ordinal), string.Concat(parts.Select(p => text[p])).Replace(" ", "", StringComparison.Ordinal));
            Assert.All(parts, p => Assert.InRange(Tokens(text[p]), 1, most));
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                string longer = text[parts[i].Start..(parts[i + 1].Start.Value + 1)];
                Assert.True(Tokens(text[parts[i].Start..parts[i + 1].End]) > most || Tokens(longer) > most);
            }
        }
    }

    private static string[] Cut(string text, int most, Func<string, int> count) => [.. TextChunks.Tokens(text, most, count).Select(r => text[r])];
}
