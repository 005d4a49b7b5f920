using System.Text.Json;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>Against Golden/Tokenizers/bpe.json, which a plain implementation in Python made (make_bpe.py beside it).</summary>
public class GoldenBpeTests
{
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    public void Words_merges_and_ids_agree(string name)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden/Tokenizers/bpe.json")));
        JsonElement expected = golden.RootElement.GetProperty("patterns").EnumerateArray().Single(p => p.GetProperty("name").GetString() == name);
        PreTokenizer preTokenizer = name == "gpt2" ? PreTokenizer.Gpt2 : PreTokenizer.Llama3;
        Tokenizer tokenizer = BpeTrainer.Train([golden.RootElement.GetProperty("corpus").GetString()!], 340, [], preTokenizer);

        using JsonDocument saved = JsonDocument.Parse(BpeVectorTests.Save(tokenizer));
        Assert.Equal(
            expected.GetProperty("merges").EnumerateArray().Select(m => m.GetString()),
            saved.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => m.GetString()));
        foreach (JsonElement vector in expected.GetProperty("vectors").EnumerateArray())
        {
            string text = vector.GetProperty("text").GetString()!;
            var ends = new List<int>();
            preTokenizer.Split(text, ends);
            int[] lengths = [.. vector.GetProperty("words").EnumerateArray().Select(w => w.GetInt32())];
            Assert.Equal(lengths, ends.Select((end, i) => end - (i == 0 ? 0 : ends[i - 1])));
            Assert.Equal(vector.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32()), tokenizer.Encode(text));
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }
}
