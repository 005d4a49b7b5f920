using System.Text;
using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Models;
using Cleave.Models.Families;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;

namespace Cleave.Tests.Models;

/// <summary>
/// A tiny model of random weights for every family, in the shapes of Golden/families, changed where llama.cpp has no place for
/// them: what a family computes is compared with PyTorch there, and with llama.cpp here.
/// </summary>
internal static class GgufCases
{
    private static readonly Dictionary<string, (string Key, JsonNode? Value)[]> Changes = new(StringComparer.Ordinal)
    {
        ["gemma2"] = [("query_pre_attn_scalar", 16)],
        ["gemma3"] = [("query_pre_attn_scalar", 16)],
        ["gpt-neox-serial"] = [("hidden_act", "gelu")],
        ["llama-llama3"] = [("head_dim", 16)],
        // llama.cpp takes the long factors for contexts beyond the original one, and makes contexts of 256 at least.
        ["phi3"] = [("max_position_embeddings", 1024), ("original_max_position_embeddings", 512)],
        ["qwen2"] = [("use_sliding_window", false)],
        ["qwen2-moe"] = [("mlp_only_layers", new JsonArray())],
    };

    public static TheoryData<string> Names => FamilyCases.Decoders;

    /// <summary>Every token is one character.</summary>
    public static Tokenizer Tokenizer { get; } = CreateTokenizer();

    public static TransformerSpec Spec(string name) => Read(Config(name));

    public static JsonNode Config(string name)
    {
        JsonNode config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(FamilyCases.Folder(name), "config.json")))!;
        foreach ((string key, JsonNode? value) in Changes.GetValueOrDefault(name, []))
            config[key] = value?.DeepClone();
        return config;
    }

    public static TransformerSpec Read(JsonNode config)
    {
        JsonCursor cursor = JsonCursor.Parse(Encoding.UTF8.GetBytes(config.ToJsonString()), "config.json");
        return Family.Of(cursor).Read(cursor);
    }

    public static LanguageModel Create(TransformerSpec spec)
    {
        Transformer model = Transformer.Create(spec, Rng.For(5, spec.Family));
        var random = Rng.For(6, spec.Family);
        foreach ((string name, Tensor tensor) in model.Parameters())
        {
            bool norm = tensor.Rows == 1 && name.EndsWith("norm.weight", StringComparison.Ordinal);
            foreach (ref float w in tensor.Data)
                w = (float)(random.NextGaussian() * (tensor.Rows == 1 ? 0.1 : 0.15) + (norm ? 1 : 0));
        }
        return new LanguageModel(model, Tokenizer, []);
    }

    public static float[] Logits(Transformer model, int[] ids) => FamilyCases.Logits(model, ids);

    /// <summary>Enough tokens that windows hide some.</summary>
    public static int[] Ids { get; } = [.. Enumerable.Range(0, 20).Select(i => (i * 11 + 3) % 40)];

    private static Tokenizer CreateTokenizer()
    {
        var vocabulary = new JsonObject();
        foreach (char c in "ĊĠabcdefghijklmnopqrstuvwxyz0123456789.,")
            vocabulary[c.ToString()] = vocabulary.Count;
        var level = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(),
            ["pre_tokenizer"] = level,
            ["decoder"] = level.DeepClone(),
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
        return Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json");
    }
}
