using System.Text;
using Cleave.Numerics;
using Cleave.Tokenizers;
using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

public class BpePropertyTests
{
    private static readonly Tokenizer Tokenizer = BpeTrainer.Train(
        [.. Enumerable.Range(0, 300).Select(i => RandomTexts.WellFormed(new Rng((ulong)i), 40)), new string('a', 500)],
        600, ["<|end|>", "<|pad|>"], PreTokenizer.Llama3);

    [Fact]
    public void Decoding_gives_the_text_back_whatever_it_is()
    {
        var random = new Rng(3);
        for (int round = 0; round < 2000; round++)
        {
            string text = round % 2 == 0 ? RandomTexts.Broken(random, random.NextInt(60)) : RandomTexts.WellFormed(random, random.NextInt(60));
            Assert.Equal(RandomTexts.Repaired(text), Tokenizer.Decode(Tokenizer.Encode(text)));
        }
    }

    [Fact]
    public void Offsets_cover_the_text_and_whole_characters()
    {
        var random = new Rng(4);
        for (int round = 0; round < 1000; round++)
        {
            string text = round % 2 == 0 ? RandomTexts.Broken(random, random.NextInt(40)) : RandomTexts.WellFormed(random, random.NextInt(40));
            TokenizedText tokens = Tokenizer.EncodeWithOffsets(text, parseSpecial: true);
            Assert.Equal(Tokenizer.Encode(text, parseSpecial: true), tokens.Ids);
            int covered = 0;
            for (int i = 0; i < tokens.Ids.Length; i++)
            {
                (int start, int end) = tokens.Offsets[i];
                Assert.InRange(start, 0, covered);
                Assert.True(end > start && end >= covered);
                Assert.False(end < text.Length && char.IsLowSurrogate(text[end]) && char.IsHighSurrogate(text[end - 1]));
                Assert.False(start > 0 && char.IsLowSurrogate(text[start]) && char.IsHighSurrogate(text[start - 1]));
                covered = end;
                // The token's bytes lie within those of the characters that it covers.
                Assert.True(Encoding.UTF8.GetBytes(text[start..end]).AsSpan().IndexOf(Tokenizer.BytesOf(tokens.Ids[i])) >= 0);
            }
            Assert.Equal(text.Length, covered);
        }
    }

    [Fact]
    public void Offsets_of_special_tokens_and_parts_of_a_character()
    {
        TokenizedText tokens = Tokenizer.EncodeWithOffsets("x<|end|>𐍅", parseSpecial: true);
        Assert.Equal((1, 8), tokens.Offsets[Array.IndexOf(tokens.Ids, Tokenizer.IdOf("<|end|>")!.Value)]);
        Assert.All(tokens.Offsets[2..], o => Assert.Equal((8, 10), o));
    }

    [Fact]
    public void Streaming_gives_what_decoding_gives_even_for_senseless_ids()
    {
        var random = new Rng(6);
        for (int round = 0; round < 500; round++)
        {
            int[] ids = [.. Enumerable.Range(0, 30).Select(_ => random.NextInt(Tokenizer.VocabularySize))];
            foreach (bool skip in (bool[])[false, true])
            {
                var streaming = Tokenizer.StartDecoding(skip);
                Assert.Equal(Tokenizer.Decode(ids, skip), string.Concat(ids.Select(streaming.Append)) + streaming.Flush());
            }
        }
    }

    [Fact]
    public void A_character_in_the_making_is_held_back()
    {
        var streaming = Tokenizer.StartDecoding();
        int[] ids = [.. "👍"u8.ToArray().Select(b => Tokenizer.IdOf(ByteAlphabet.ToCharacter(b).ToString())!.Value)];
        Assert.Equal(["", "", "", "👍"], ids.Select(streaming.Append));
        Assert.Equal("", streaming.Append(ids[0]));
        Assert.Equal("\uFFFD", streaming.Flush());
    }

    /// <summary>Long words go through a heap, short ones through a scan; cutting at a length must not matter.</summary>
    [Fact]
    public void Long_and_short_words_merge_by_the_same_rule()
    {
        var table = new MergeTable(40);
        var random = new Rng(9);
        var merges = new Dictionary<(int, int), (int Rank, int Result)>();
        for (int rank = 0; rank < 40; rank++)
        {
            var pair = (random.NextInt(4 + rank / 2), random.NextInt(4 + rank / 2));
            if (merges.TryAdd(pair, (rank, 4 + rank)))
                Assert.True(table.Add(pair.Item1, pair.Item2, rank, 4 + rank));
            else
                Assert.False(table.Add(pair.Item1, pair.Item2, rank, 4 + rank));
        }
        for (int length = 0; length < 130; length++)
        {
            int[] symbols = [.. Enumerable.Range(0, length).Select(_ => random.NextInt(4))];
            List<int> expected = Plainly([.. symbols], merges);
            Assert.Equal(expected, symbols[..WordMerger.Merge(symbols, table)]);
        }
    }

    private static List<int> Plainly(List<int> symbols, Dictionary<(int, int), (int Rank, int Result)> merges)
    {
        while (true)
        {
            var ranked = Enumerable.Range(0, Math.Max(0, symbols.Count - 1))
                .Where(i => merges.ContainsKey((symbols[i], symbols[i + 1]))).OrderBy(i => merges[(symbols[i], symbols[i + 1])].Rank).ThenBy(i => i);
            if (!ranked.Any())
                return symbols;
            int at = ranked.First();
            symbols[at] = merges[(symbols[at], symbols[at + 1])].Result;
            symbols.RemoveAt(at + 1);
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData("你")]
    public void One_very_long_word_is_encoded(string piece)
    {
        string text = string.Concat(Enumerable.Repeat(piece, 300_000 / Encoding.UTF8.GetByteCount(piece)));
        Assert.Equal(text, Tokenizer.Decode(Tokenizer.Encode(text)));
    }

    [Fact]
    public void Several_threads_get_the_same_ids()
    {
        Tokenizer fresh = Tokenizer.Load(BpeVectorTests.Save(Tokenizer), "saved");
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => RandomTexts.WellFormed(new Rng((ulong)i), 200))];
        int[][] expected = [.. texts.Select(t => Tokenizer.Encode(t))];
        int[][] parallel = new int[texts.Length][];
        Parallel.For(0, texts.Length, i => parallel[i] = fresh.Encode(texts[texts.Length - 1 - i]));
        Array.Reverse(parallel);
        Assert.Equal(expected, parallel);
    }

    [Fact]
    public void An_id_without_a_token_is_the_caller_s_mistake()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Decode([Tokenizer.VocabularySize]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.TokenOf(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.StartDecoding().Append(-1));
    }
}
