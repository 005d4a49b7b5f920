using Cleave.Data;
using Cleave.Data.Augmentation;
using Cleave.Data.Cleaning;
using Cleave.Numerics;

namespace Cleave.Tests.Data.Augmentation;

public sealed class TextNoiseTests : IDisposable
{
    private const string Text = "please tell where that green parcel with shoes stays since monday evening";
    private static readonly HeldOutTexts Nothing = new([]);
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Typing_errors_hit_their_share_of_words_by_one_slip_each()
    {
        var noise = new TextNoise(new TextNoiseOptions { Typos = 0.3 }, Nothing);
        string[] words = Text.Split(' ');
        int changed = 0, all = 0;
        for (int i = 0; i < 300; i++)
        {
            string[] written = noise.Apply(Text, new Rng((ulong)i)).Split(' ');
            Assert.Equal(words.Length, written.Length);
            foreach ((string word, string wrote) in words.Zip(written))
            {
                all++;
                changed += word == wrote ? 0 : 1;
                Assert.True(Slips(word, wrote) <= 1, $"{word} became {wrote}");
                Assert.Equal(word[0], wrote[0]);
            }
        }
        Assert.InRange((double)changed / all, 0.25, 0.32); // 0.3 less swaps of equal letters; 3,600 draws
    }

    [Fact]
    public void Keys_that_touch_are_neighbours()
    {
        Assert.Equal("adewxz", string.Concat(TypingError.Neighbours('s').Order()));
        Assert.Equal("aw", string.Concat(TypingError.Neighbours('q').Order()));
        Assert.Equal("", TypingError.Neighbours('ß'));
        for (char key = 'a'; key <= 'z'; key++)
            Assert.All(TypingError.Neighbours(key), other => Assert.Contains(key, TypingError.Neighbours(other)));
    }

    [Fact]
    public void Words_are_left_out_and_never_all_of_them()
    {
        var noise = new TextNoise(new TextNoiseOptions { WordDropout = 0.25 }, Nothing);
        string[] words = Text.Split(' ');
        string[][] written = [.. Enumerable.Range(0, 300).Select(i => noise.Apply(Text, new Rng((ulong)i)).Split(' '))];
        Assert.InRange(written.Average(w => w.Length) / words.Length, 0.72, 0.78);
        Assert.All(written, w => Assert.All(w, Assert.NotEmpty)); // no two blanks
        Assert.All(written, w => Assert.Equal(w, words.Where(w.Contains)));
        var nearlyAll = new TextNoise(new TextNoiseOptions { WordDropout = 0.9 }, Nothing);
        Assert.All(Enumerable.Range(0, 200), i => Assert.Matches("[a-z]", nearlyAll.Apply("parcel lost", new Rng((ulong)i))));
    }

    [Fact]
    public void Synonyms_come_from_the_file_and_keep_a_capital()
    {
        File.WriteAllText(_file, "# of the desk\n\nparcel, package , money order\nshoes,boots\n");
        var noise = new TextNoise(new TextNoiseOptions { Synonyms = _file, SynonymShare = 1 }, Nothing);
        var seen = Enumerable.Range(0, 50).Select(i => noise.Apply("Parcel with SHOES, shoeshine!", new Rng((ulong)i))).ToHashSet();
        Assert.Equal(["Money order with Boots, shoeshine!", "Package with Boots, shoeshine!"], seen.Order(StringComparer.Ordinal));
        string other = Text.Replace("parcel", "letter", StringComparison.Ordinal).Replace("shoes", "socks", StringComparison.Ordinal);
        Assert.Same(other, noise.Apply(other, new Rng(1)));
    }

    [Fact]
    public void What_comes_near_a_held_out_text_stays_as_it_was()
    {
        File.WriteAllText(_file, "parcel,package\n");
        Example[] heldOut = [new() { Text = "where is that green package with shoes?" }, new() { Text = "the lamp is broken and I want my money back now" }];
        var noise = new TextNoise(new TextNoiseOptions { Synonyms = _file, SynonymShare = 1 }, new HeldOutTexts(heldOut));
        const string Mine = "Where is that green parcel with shoes";
        Assert.Same(Mine, noise.Apply(Mine, new Rng(1)));
        Assert.Equal(1, noise.Refused);
        Assert.Equal("this package is mine", noise.Apply("this parcel is mine", new Rng(1)));
    }

    [Fact]
    public void The_generator_decides_and_nothing_asked_for_changes_nothing()
    {
        var noise = new TextNoise(new TextNoiseOptions { Typos = 0.5, WordDropout = 0.2 }, Nothing);
        Assert.Equal(noise.Apply(Text, new Rng(3)), noise.Apply(Text, new Rng(3)));
        Assert.NotEqual(noise.Apply(Text, new Rng(3)), noise.Apply(Text, new Rng(4)));
        foreach (string text in new[] { "", "  two  blanks, and 日本語 🙂 !", "x" })
            Assert.Same(text, new TextNoise(new TextNoiseOptions(), Nothing).Apply(text, new Rng(1)));
    }

    [Theory]
    [InlineData("parcel,package\nalone\n", ":2", "two words")]
    [InlineData("# nothing\n", "", "refund, reimbursement")]
    [InlineData("same, Same\n", ":1", "two words")]
    public void A_file_without_synonyms_is_refused(string text, string place, string words)
    {
        File.WriteAllText(_file, text);
        string message = Assert.ThrowsAny<CleaveException>(() => Synonyms.Load(_file)).Message;
        Assert.Contains(_file + place, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).</summary>
    private static int Slips(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
