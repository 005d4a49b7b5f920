using Cleave.Tests.Models;
using Cleave.Tokenizers;

namespace Cleave.Tests.Tokenizers;

public class VocabularySubsetTests
{
    private const string Known = "the parcel has not arrived yet", Other = "Quite another text: zebras, 3.14 — ümlaut!";

    [Fact]
    public void The_text_keeps_its_tokens_and_other_text_can_still_be_written() => Check(TinyModel.Tokenizer, canWriteAll: true);

    [SharedTheory]
    [InlineData("tokenizer-gpt2", true)]
    [InlineData("tokenizer-phi2", true)]
    [InlineData("tokenizer-phi3-mini", true)]
    [InlineData("tokenizer-bert-base-uncased", false)]
    [InlineData("tokenizer-t5-small", false)]
    public void Published_tokenizers_keep_the_tokens_of_a_text(string folder, bool canWriteAll) => Check(SharedTokenizers.Load(folder), canWriteAll);

    private static void Check(Tokenizer tokenizer, bool canWriteAll)
    {
        int[] ids = tokenizer.Encode(Known);
        (Tokenizer smaller, int[] kept) = VocabularySubset.Keep(tokenizer, ids);
        Assert.Equal(kept.Length, smaller.VocabularySize);
        Assert.InRange(kept.Length, 1, tokenizer.VocabularySize - 1);
        for (int id = 0; id < kept.Length; id++)
            Assert.Equal(tokenizer.TokenOf(kept[id]), smaller.TokenOf(id));
        Assert.Equal(ids, smaller.Encode(Known).Select(id => kept[id]).ToArray());
        Assert.Equal(tokenizer.SpecialTokens, smaller.SpecialTokens);
        Assert.Equal(tokenizer.EosId is { } eos ? (int?)Array.IndexOf(kept, eos) : null, smaller.EosId);
        if (canWriteAll)
            Assert.Equal(tokenizer.Decode(tokenizer.Encode(Other)), smaller.Decode(smaller.Encode(Other)));
        // A control token is put around a text as before.
        Assert.Equal(tokenizer.EncodeForModel(Known).Ids, smaller.EncodeForModel(Known).Ids.Select(id => kept[id]));
    }
}
