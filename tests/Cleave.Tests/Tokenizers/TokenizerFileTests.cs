using Cleave.Formats.HuggingFace;
using Cleave.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>Tokenizers in other forms than tokenizer.json agree with the programs that own those forms.</summary>
[Trait("Kernels", "unused")]
public class TokenizerFileTests
{
    [SharedTheory]
    [InlineData("tokenizer-gpt2", "", true)]
    [InlineData("tokenizer-llama2-sp", "tokenizer.model", true)]
    [InlineData("tokenizer-llama2-sp", "", true)]
    [InlineData("tokenizer-sp-unigram-1k", "", true)]
    [InlineData("tokenizer-llama3-tiktoken", "", true)]
    [InlineData("tokenizer-llama3-tiktoken", "tokenizer.model", true)]
    [InlineData("model-stories260k", "tok512.bin", false)]
    public void Ids_and_texts(string folder, string file, bool decodes)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Shared.Data(Path.Combine(folder, file)));
        var wrong = new List<string>();
        int count = 0;
        foreach (SharedVector vector in SharedTokenizers.AllVectors(folder))
        {
            count++;
            int[] ids = tokenizer.Encode(vector.Text);
            if (!ids.AsSpan().SequenceEqual(vector.Ids))
                wrong.Add($"'{vector.Text}': [{string.Join(' ', ids)}] for [{string.Join(' ', vector.Ids)}]");
            Assert.Equal(vector.Ids.Length, tokenizer.EncodeWithOffsets(vector.Text).Ids.Length);
            if (decodes && folder != "tokenizer-gpt2" && tokenizer.EncodeForModel(vector.Text).Ids is var full && !full.AsSpan().SequenceEqual(vector.WithSpecial))
                wrong.Add($"'{vector.Text}' with its template: [{string.Join(' ', full)}] for [{string.Join(' ', vector.WithSpecial!)}]");
            if (decodes && tokenizer.Decode(vector.Ids) is var text && text != vector.Decoded)
                wrong.Add($"'{vector.Text}': decoded '{text}' for '{vector.Decoded}'");
        }
        Assert.True(count >= 29);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [SharedTheory]
    [InlineData("ggml-vocab-gpt-2", "gguf-vocabs/ggml-vocab-gpt-2.gguf")]
    [InlineData("ggml-vocab-llama-spm", "gguf-vocabs/ggml-vocab-llama-spm.gguf")]
    [InlineData("ggml-vocab-bert-bge", "gguf-vocabs/ggml-vocab-bert-bge.gguf")]
    [InlineData("ggml-vocab-llama-bpe", "tokenizer-llama3-tiktoken")]
    public void Vocabularies_of_llama_cpp(string vectors, string model)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Shared.Data(model));
        string[] texts = File.ReadAllText(Shared.Data($"gguf-vocabs/{vectors}.gguf.inp")).Split("\n__ggml_vocab_test__\n");
        string[] ids = File.ReadAllText(Shared.Data($"gguf-vocabs/{vectors}.gguf.out")).Split('\n');
        Assert.True(texts.Length > 40);
        var wrong = new List<string>();
        for (int i = 0; i < texts.Length; i++)
        {
            string found = string.Join(' ', tokenizer.Encode(texts[i]));
            if (found != ids[i].Trim())
                wrong.Add($"'{texts[i]}': {found} for {ids[i].Trim()}");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [SharedTheory]
    [InlineData("tokenizer-llama2-sp")]
    [InlineData("tokenizer-phi3-mini")]
    [InlineData("tokenizer-llama3-tiktoken")]
    public void Random_Unicode_comes_back(string folder)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Shared.Data(folder));
        var random = new Rng(17);
        for (int round = 0; round < 500; round++)
        {
            string text = round % 2 == 0 ? RandomTexts.Broken(random, random.NextInt(60)) : RandomTexts.WellFormed(random, random.NextInt(60));
            text = text.Replace('\u2581', ' ');
            Assert.Equal(RandomTexts.Repaired(text), tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    // With a character map this holds but for marks after what the map takes apart: Hugging Face's library applies the map
    // to grapheme clusters, SentencePiece by the longest entry, and no tokenizer.json can say that.
    [SharedTheory]
    [InlineData("tokenizer-llama2-sp")]
    [InlineData("tokenizer-sp-unigram-1k")]
    [InlineData("tokenizer-llama3-tiktoken")]
    [InlineData("gguf-vocabs/ggml-vocab-llama-spm.gguf")]
    [InlineData("gguf-vocabs/ggml-vocab-bert-bge.gguf")]
    public void Saved_as_tokenizer_json_it_encodes_the_same(string path)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Shared.Data(path));
        Tokenizer again = Tokenizer.Load(BpeVectorTests.Save(tokenizer), "saved");
        foreach (SharedVector vector in SharedTokenizers.AllVectors("tokenizer-llama2-sp"))
        {
            Assert.Equal(tokenizer.Encode(vector.Text), again.Encode(vector.Text));
            Assert.Equal(tokenizer.EncodeForModel(vector.Text).Ids, again.EncodeForModel(vector.Text).Ids);
        }
        foreach (string text in (string[])["\n", " \n ", "\u2028a\t", "  a  b  ", "   ", "a\r\n", "\u00a0a\u3000"])
            Assert.Equal(tokenizer.Encode(text), again.Encode(text));
    }

    /// <summary>An algorithm that took the square of a million steps would not end.</summary>
    [SharedTheory]
    [InlineData("tokenizer-bert-base-uncased")]
    [InlineData("tokenizer-llama2-sp")]
    [InlineData("tokenizer-sp-unigram-1k")]
    [InlineData("tokenizer-t5-small")]
    [InlineData("tokenizer-phi3-mini")]
    [InlineData("tokenizer-llama3-tiktoken")]
    [InlineData("gguf-vocabs/ggml-vocab-gpt-2.gguf")]
    public void A_million_characters_of_any_kind_are_encoded(string path)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Shared.Data(path));
        const int length = 400_000;
        foreach (string piece in (string[])["a", " ", "\n", "ab", "Donaudampfschiff", "é", "e\u0301", "\u0301", "你", "👍", "\u200d", "'", "1", "<", "\u0315\u0300"])
        {
            string text = string.Concat(Enumerable.Repeat(piece, length / piece.Length));
            Assert.Equal(tokenizer.Encode(text), tokenizer.EncodeWithOffsets(text).Ids);
        }
    }

    /// <summary>One word of a million letters, runs of blanks, letters that merge in as many ways as there are places.</summary>
    [SharedTheory]
    [InlineData("tokenizer-phi2")]
    [InlineData("tokenizer-gpt2")]
    public void A_word_of_a_million_characters_is_encoded(string folder)
    {
        Tokenizer tokenizer = SharedTokenizers.Load(folder);
        var random = new Rng(31);
        string letters = string.Create(1_000_000, random, static (text, r) =>
        {
            foreach (ref char c in text)
                c = (char)('a' + r.NextInt(26));
        });
        foreach (string text in (string[])[letters, new string('a', 1_000_000), new string(' ', 1_000_000), string.Concat(Enumerable.Repeat("ab", 500_000)), string.Concat(Enumerable.Repeat("=-", 500_000))])
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [SharedTheory]
    [InlineData("tokenizer-llama2-sp/tokenizer.model")]
    [InlineData("tokenizer-sp-unigram-1k/test_model.model")]
    [InlineData("model-stories260k/tok512.bin")]
    public void Damaged_files_are_refused_in_one_line_or_read(string file)
    {
        byte[] good = File.ReadAllBytes(Shared.Data(file));
        string path = Path.Combine(Path.GetTempPath(), $"cleave-{Guid.NewGuid():N}{Path.GetExtension(file)}");
        var random = new Rng(29);
        int refused = 0;
        try
        {
            for (int round = 0; round < 40; round++)
            {
                byte[] bytes = round % 4 == 0 ? good[..random.NextInt(good.Length)] : (byte[])good.Clone();
                for (int change = random.NextInt(20); change >= 0 && bytes.Length > 0; change--)
                    bytes[random.NextInt(round % 2 == 0 ? Math.Min(bytes.Length, 400) : bytes.Length)] = (byte)random.NextInt(256);
                File.WriteAllBytes(path, bytes);
                try
                {
                    Tokenizer tokenizer = TokenizerFile.Load(path);
                    Assert.NotNull(tokenizer.Decode(tokenizer.Encode("Hello é 你 <s>")));
                }
                catch (CleaveException e)
                {
                    Assert.DoesNotContain('\n', e.Message);
                    refused++;
                }
            }
        }
        finally
        {
            File.Delete(path);
        }
        Assert.InRange(refused, 5, 40);
    }
}
