using Cleave.Tokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>Ids and texts of published tokenizer.json files agree with two reference implementations.</summary>
public class TokenizerVectorTests
{
    [SharedTheory]
    [InlineData("tokenizer-bert-base-uncased")]
    [InlineData("tokenizer-phi2")]
    [InlineData("tokenizer-phi3-mini")]
    [InlineData("tokenizer-t5-small")]
    [InlineData("tokenizer-torchtune-2k")]
    public void Encodes_and_decodes_as_the_references_do(string folder)
    {
        Tokenizer tokenizer = SharedTokenizers.Load(folder);
        var wrong = new List<string>();
        foreach ((string text, int[] ids, int[] withSpecial, string decoded) in SharedTokenizers.Vectors(folder))
        {
            Check(text, "ids", ids, tokenizer.Encode(text, parseSpecial: true));
            Check(text, "with template", withSpecial, tokenizer.EncodeForModel(text, parseSpecial: true).Ids);
            if (tokenizer.Decode(ids) is var back && back != decoded)
                wrong.Add($"{text}: decoded '{back}' for '{decoded}'");
            StreamingDecoder streaming = tokenizer.StartDecoding();
            Assert.Equal(decoded, string.Concat(ids.Select(streaming.Append)) + streaming.Flush());
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));

        void Check(string text, string what, int[] expected, int[] found)
        {
            if (!expected.AsSpan().SequenceEqual(found))
                wrong.Add($"{text}: {what} [{string.Join(' ', found)}] for [{string.Join(' ', expected)}]");
        }
    }
}
