using System.Text.Json;
using Cleave.Compression.Conversion;
using Cleave.Models;
using Cleave.Models.Families;

namespace Cleave.Tests.Compression;

/// <summary>The types that llama.cpp's own quantizer chose (Golden/ggml/mixes.py).</summary>
public class TypeMixTests
{
    [Theory]
    [InlineData("mixes.json", 256, 256)]
    [InlineData("narrow.json", 288, 320)]
    public void Every_matrix_gets_the_type_that_llama_cpp_gives_it(string file, int width, int feedForward)
    {
        TransformerSpec spec = TransformerSpec.Uniform(512, width, 18, 8, 2, feedForward, 64) with { TiedEmbeddings = false };
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "ggml", file)));
        var wrong = new List<string>();
        foreach (JsonProperty mix in golden.RootElement.EnumerateObject())
        {
            foreach (string name in Matrices(spec))
            {
                int columns = name.Contains("down_proj", StringComparison.Ordinal) ? feedForward : width;
                string stored = GgufNames.Place(spec, name).Name, ours = TypeMix.Find(mix.Name).For(name, spec, columns, importance: false).ToString();
                string theirs = (mix.Value.TryGetProperty(stored, out JsonElement own) ? own : mix.Value.GetProperty("")).GetString()!;
                if (ours != theirs)
                    wrong.Add($"{mix.Name} {stored}: {ours}, not {theirs}");
            }
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public void Names_are_found_and_others_refused_with_those_there_are()
    {
        Assert.Equal("Q4_K_M", TypeMix.Find("q4_k_m").Name);
        Assert.Contains("Q4_K_M", Assert.Throws<CleaveException>(() => TypeMix.Find("Q9")).Message);
    }

    private static IEnumerable<string> Matrices(TransformerSpec spec)
    {
        yield return WeightNames.Embedding;
        yield return WeightNames.Output;
        for (int i = 0; i < spec.Layers.Count; i++)
        {
            foreach (Func<int, string> name in (Func<int, string>[])[WeightNames.Query, WeightNames.Key, WeightNames.Value, WeightNames.AttentionOutput,
                WeightNames.Gate, WeightNames.Up, WeightNames.Down])
            {
                yield return name(i);
            }
        }
    }
}
