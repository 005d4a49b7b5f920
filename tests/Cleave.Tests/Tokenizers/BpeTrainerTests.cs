using System.Text.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

public class BpeTrainerTests
{
    [SharedFact]
    public void Reproduces_the_reference_vocabulary_and_merges()
    {
        string folder = Shared.Data("tokenizer-bpe-training");
        string corpus = File.ReadAllText(Path.Combine(folder, "corpus.en"));
        Tokenizer trained = BpeTrainer.Train([corpus], 500, ["<|endoftext|>"], PreTokenizer.Gpt2);

        using JsonDocument vocabulary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "train-bpe-reference-vocab.json")));
        Assert.Equal(500, trained.VocabularySize);
        foreach (JsonProperty token in vocabulary.RootElement.EnumerateObject())
            Assert.Equal(token.Name, trained.TokenOf(token.Value.GetInt32()));

        using JsonDocument saved = JsonDocument.Parse(BpeVectorTests.Save(trained));
        Assert.Equal(
            File.ReadAllLines(Path.Combine(folder, "train-bpe-reference-merges.txt")),
            saved.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => m.GetString()));
    }

    /// <summary>A plain training that recounts everything after each merge.</summary>
    [Theory]
    [InlineData("aaaa aaa aa a aaaaaaa bab abab aabb")]
    [InlineData("the cat sat on the mat, the bat that sat on the cat's hat")]
    [InlineData("été où naïve ééé 你好你好 你 👍👍👍🏽")]
    public void Agrees_with_recounting_from_scratch(string text)
    {
        Tokenizer trained = BpeTrainer.Train([text], 400, [], PreTokenizer.Gpt2);
        using JsonDocument saved = JsonDocument.Parse(BpeVectorTests.Save(trained));
        string[] merges = [.. saved.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => m.GetString()!)];
        Assert.Equal(Recounting(text), merges);
    }

    [Fact]
    public void Stops_when_every_word_is_one_token()
    {
        Tokenizer trained = BpeTrainer.Train(["one two", "two"], 1000, ["<|end|>"], PreTokenizer.Gpt2);
        Assert.Equal(2, trained.Encode("one two").Length);
        Assert.True(trained.VocabularySize < 270);
    }

    [Fact]
    public void Special_tokens_separate_and_are_not_learnt()
    {
        Tokenizer trained = BpeTrainer.Train([.. Enumerable.Repeat("ab<|end|>ab", 50)], 300, ["<|end|>"], PreTokenizer.Gpt2);
        Assert.Equal([0], trained.Encode("<|end|>", parseSpecial: true));
        Assert.Null(trained.IdOf("<|"));
        Assert.NotNull(trained.IdOf("ab"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("Ġt")]
    public void A_special_token_that_reads_as_text_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => BpeTrainer.Train([], 300, [name], PreTokenizer.Gpt2));

    [Fact]
    public void One_endless_word_is_no_trouble()
    {
        var random = new Cleave.Numerics.Rng(5);
        string word = string.Create(100_000, random, static (span, r) =>
        {
            foreach (ref char c in span)
                c = (char)('a' + r.NextInt(4));
        });
        Tokenizer trained = BpeTrainer.Train([word], 1024, [], PreTokenizer.Gpt2);
        Assert.Equal(1024, trained.VocabularySize);
        Assert.Equal(word, trained.Decode(trained.Encode(word)));
    }

    private static List<string> Recounting(string text)
    {
        var ends = new List<int>();
        PreTokenizer.Gpt2.Split(text, ends);
        var words = new List<List<byte[]>>();
        int start = 0;
        foreach (int end in ends)
        {
            words.Add([.. System.Text.Encoding.UTF8.GetBytes(text[start..end]).Select(b => new[] { b })]);
            start = end;
        }
        var merges = new List<string>();
        while (merges.Count < 144)
        {
            var counts = new Dictionary<string, (int Count, byte[] Left, byte[] Right)>();
            foreach (List<byte[]> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    string key = Convert.ToHexString(word[i]) + " " + Convert.ToHexString(word[i + 1]);
                    counts[key] = (counts.GetValueOrDefault(key).Count + 1, word[i], word[i + 1]);
                }
            }
            if (counts.Count == 0)
                break;
            // Hexadecimal keeps the order of bytes, and a blank sorts before every digit.
            (int _, byte[] left, byte[] right) = counts.OrderByDescending(p => p.Value.Count).ThenByDescending(p => p.Key, StringComparer.Ordinal).First().Value;
            merges.Add(Show(left) + " " + Show(right));
            foreach (List<byte[]> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (!word[i].AsSpan().SequenceEqual(left) || !word[i + 1].AsSpan().SequenceEqual(right))
                        continue;
                    word[i] = [.. left, .. right];
                    word.RemoveAt(i + 1);
                }
            }
        }
        return merges;
    }

    private static string Show(byte[] bytes) => string.Concat(bytes.Select(b => b is >= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE
        ? (char)b : (char)(256 + Enumerable.Range(0, b).Count(i => i is not (>= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE)))));
}
