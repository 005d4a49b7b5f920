using System.Text;
using Cleave.Tokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>Ids and texts agree with the reference implementations of three published tokenizers.</summary>
public class BpeVectorTests
{
    [SharedTheory]
    [InlineData("tokenizer-gpt2")]
    [InlineData("tokenizer-phi2")]
    [InlineData("tokenizer-torchtune-2k")]
    public void Encodes_and_decodes_as_the_reference_does(string folder)
    {
        Tokenizer tokenizer = SharedTokenizers.Load(folder);
        foreach ((string text, int[] ids, int[] withSpecial, string decoded) in SharedTokenizers.Vectors(folder))
        {
            // The reference of the files in JSON finds special tokens in every text.
            if (folder == "tokenizer-gpt2" || !tokenizer.SpecialTokens.Any(text.Contains))
                Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal(withSpecial, tokenizer.Encode(text, parseSpecial: true));
            Assert.Equal(decoded, tokenizer.Decode(ids));
            var streaming = tokenizer.StartDecoding();
            Assert.Equal(decoded, string.Concat(ids.Select(streaming.Append)) + streaming.Flush());
        }
    }

    [SharedTheory]
    [InlineData("tokenizer-gpt2")]
    [InlineData("tokenizer-phi2")]
    [InlineData("tokenizer-torchtune-2k")]
    public void Saving_is_canonical_and_changes_no_encoding(string folder)
    {
        Tokenizer original = SharedTokenizers.Load(folder);
        byte[] first = Save(original);
        Tokenizer loaded = Tokenizer.Load(first, "saved");
        Assert.True(first.AsSpan().SequenceEqual(Save(loaded)));
        foreach ((string text, _, int[] withSpecial, _) in SharedTokenizers.Vectors(folder))
            Assert.Equal(withSpecial, loaded.Encode(text, parseSpecial: true));
    }

    [SharedFact]
    public void Special_tokens_are_found_only_on_request()
    {
        Tokenizer tokenizer = SharedTokenizers.Load("tokenizer-gpt2");
        int end = tokenizer.EosId!.Value;
        Assert.Equal(50256, end);
        Assert.Equal([end, 5239, end], tokenizer.Encode("<|endoftext|>text<|endoftext|>", parseSpecial: true));
        Assert.DoesNotContain(end, tokenizer.Encode("<|endoftext|>"));
        Assert.Equal("text", tokenizer.Decode([end, 5239, end], skipSpecial: true));
    }

    internal static byte[] Save(ITokenizer tokenizer)
    {
        using var stream = new MemoryStream();
        tokenizer.Save(stream);
        return stream.ToArray();
    }
}
