using System.Text.Json;
using Cleave.Models.Bag;

namespace Cleave.Tests.Models.Bag;

public sealed class NgramFeaturizerTests
{
    private static readonly string[] Examples = ["Where is my card?", "my card has not arrived", "top up failed", "why did my top up fail"];

    private static (int Row, float Weight)[] Features(NgramFeaturizer featurizer, string text)
    {
        var features = new SparseFeatures();
        featurizer.Featurize(text, features);
        return [.. Enumerable.Range(0, features.Count).Select(i => (features.Rows[i], features.Weights[i]))];
    }

    [Fact]
    public void Character_weights_are_scikit_learns()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden/Baselines/tfidf.json")));
        string[] texts = [.. golden.RootElement.GetProperty("texts").EnumerateArray().Select(t => t.GetString()!)];
        var options = new NgramOptions { MaxWordOrder = 0, Buckets = 1 << 24 };
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(options, texts[..golden.RootElement.GetProperty("train").GetInt32()]);
        JsonElement characters = golden.RootElement.GetProperty("characters");
        Assert.Equal(characters.GetProperty("size").GetInt32(), featurizer.Vocabulary.Count);
        for (int i = 0; i < texts.Length; i++)
        {
            double[] expected = [.. characters.GetProperty("rows")[i].EnumerateObject().Select(p => p.Value.GetDouble()).Order()];
            float[] actual = [.. Features(featurizer, texts[i]).Select(f => f.Weight).Order()];
            Assert.Equal(expected.Length, actual.Length);
            for (int j = 0; j < expected.Length; j++)
                Assert.Equal(expected[j], actual[j], 1e-3 * expected[j]); // frequencies are kept in float16
        }
    }

    [Fact]
    public void Features_are_distinct_rising_and_of_unit_length()
    {
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(new NgramOptions(), Examples);
        foreach (string text in Examples)
        {
            (int Row, float Weight)[] features = Features(featurizer, text);
            Assert.All(features.Zip(features.Skip(1)), pair => Assert.True(pair.First.Row < pair.Second.Row));
            Assert.Equal(1, features.Sum(f => (double)f.Weight * f.Weight), 1e-5);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("  \t\n ")]
    [InlineData("zzzzqqqq")]
    public void Nothing_known_gives_no_features(string text)
        => Assert.Empty(Features(NgramFeaturizer.Fit(new NgramOptions { Buckets = 1 << 22 }, Examples), text));

    [Fact]
    public void Case_and_white_space_do_not_matter_but_words_do()
    {
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(new NgramOptions(), Examples);
        Assert.Equal(Features(featurizer, "my card"), Features(featurizer, "  MY \n\t CARD "));
        Assert.NotEqual(Features(featurizer, "my card"), Features(featurizer, "card my"));
    }

    [Fact]
    public void Broken_and_astral_characters_are_characters()
    {
        string[] texts = ["ab\uD800", "\uDC00cd", "😀😀 ok", "é\u0301"];
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(new NgramOptions(), texts);
        Assert.All(texts, text => Assert.NotEmpty(Features(featurizer, text)));
        // An unpaired surrogate and the replacement character are the same, and a pair is one character.
        Assert.Equal(Features(featurizer, "ab\uFFFD"), Features(featurizer, "ab\uD800"));
    }

    [Theory]
    [InlineData(0, "plain")]
    [InlineData(7, "seed7")]
    public void Hashes_are_those_of_the_definition(uint seed, string name)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden/Bag/hashes.json")));
        var scratch = new NgramScratch();
        int count = new NgramHasher(new NgramOptions { HashSeed = seed }).Collect(golden.RootElement.GetProperty("text").GetString(), scratch, out _);
        Assert.Equal(golden.RootElement.GetProperty(name).EnumerateArray().Select(b => b.GetInt32()), scratch.Buckets[..count]);
    }

    [Fact]
    public void Only_the_first_characters_are_read()
    {
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(new NgramOptions { MaxCharacters = 7 }, Examples);
        Assert.Equal(Features(featurizer, "my card"), Features(featurizer, "my card has not arrived"));
    }

    [Fact]
    public void The_most_frequent_buckets_are_kept()
    {
        NgramFeaturizer all = NgramFeaturizer.Fit(new NgramOptions(), Examples);
        NgramFeaturizer some = NgramFeaturizer.Fit(new NgramOptions(), Examples, maxRows: 20);
        NgramFeaturizer repeated = NgramFeaturizer.Fit(new NgramOptions(), Examples, minDocuments: 2);
        Assert.Equal(20, some.Vocabulary.Count);
        Assert.True(repeated.Vocabulary.Count < all.Vocabulary.Count);
        // The frequent ones have the smallest inverse document frequencies.
        Assert.Equal(all.Vocabulary.Idf.ToArray().Order().Take(20), some.Vocabulary.Idf.ToArray().Order());
    }

    [Fact]
    public void A_vocabulary_numbers_its_buckets_in_order()
    {
        ulong[] bits = [0b1001, 0, 1UL << 63, 1];
        var vocabulary = new NgramVocabulary(bits, [1, 2, 3, 4]);
        Assert.Equal([0, -1, 1, 2, 3], new[] { 0, 1, 3, 191, 192 }.Select(vocabulary.RowOf));
        NgramVocabulary half = vocabulary.Restrict([false, true, false, true]);
        Assert.Equal([-1, 0, -1, 1], new[] { 0, 3, 191, 192 }.Select(half.RowOf));
        Assert.Equal([2f, 4f], half.Idf.ToArray());
    }

    [Fact]
    public void Featurizing_does_not_allocate()
    {
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(new NgramOptions(), Examples);
        var features = new SparseFeatures();
        featurizer.Featurize(Examples[3], features);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            featurizer.Featurize(Examples[3], features);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Impossible_options_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new NgramOptions { Buckets = 1000 }.Validate());
        Assert.Throws<ArgumentException>(() => new NgramOptions { MaxWordOrder = 0, MaxCharOrder = 0 }.Validate());
        Assert.Throws<ArgumentException>(() => new NgramOptions { MinCharOrder = 0 }.Validate());
        Assert.Throws<ArgumentException>(() => new NgramOptions { MaxCharacters = 0 }.Validate());
    }
}
