using System.Text.Json;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Splitting.Releases;

namespace Cleave.Tests.Models;

/// <summary>The model that ships, against PyTorch's logits of the same files (Golden/starter/make.py).</summary>
public class StarterTests
{
    [Fact]
    public void Its_logits_are_PyTorchs()
    {
        LanguageModel starter = Load();
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "starter", "logits.json"))).RootElement;
        int[] ids = [.. expected.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
        using var tape = new Tape(records: false);
        Tensor logits = starter.Transformer.Output.Forward(tape, starter.Transformer.Forward(tape, new TokenBatch().Add(ids)));
        int v = logits.Columns;
        float[] last = logits.Data[^v..].ToArray();
        int i = 0;
        foreach (JsonElement value in expected.GetProperty("last").EnumerateArray())
        {
            Assert.True(Math.Abs(value.GetDouble() - last[i]) < 1e-4, $"logit {i}: {last[i]}, PyTorch {value.GetDouble()}");
            i++;
        }
        Assert.Equal(v, i);
        for (int row = 0; row < ids.Length; row++)
        {
            ReadOnlySpan<float> values = logits.Data.Slice(row * v, v);
            Assert.Equal(expected.GetProperty("best")[row].GetInt32(), TokenSampler.ArgMax(values));
            Assert.True(Math.Abs(values.ToArray().Sum(x => (double)x) - expected.GetProperty("sums")[row].GetDouble()) < 1e-4 * v);
        }
    }

    [Fact]
    public void It_answers_a_greeting_with_words_and_stops_within_its_context()
    {
        LanguageModel starter = Load();
        using var generator = new Generator(starter.Transformer);
        var made = new List<int>();
        generator.Generate([0, .. starter.Tokenizer.Encode("user: I want to book a table for two.\nassistant:")],
            new SamplingOptions { MaxTokens = 30 }, t => t == 0, (t, p) =>
            {
                Assert.InRange(p, 0, 1);
                made.Add(t);
                return true;
            });
        string text = starter.Tokenizer.Decode(made.ToArray());
        Assert.Contains(' ', text.Trim());
        Assert.DoesNotContain('\uFFFD', text);
    }

    private static LanguageModel Load() => ModelFolder.Load(BaseModel.Find(BaseModel.Starter, "."));
}
