using System.Text.Json.Nodes;
using Cleave.Compression.Conversion;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

/// <summary>Every family as a GGUF file and back; and in llama.cpp, where that is there.</summary>
public sealed class GgufFamilyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-gguf").FullName;

    public static TheoryData<string> Names => GgufCases.Names;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void Written_read_and_written_again_it_is_the_same_file_and_computes_the_same(string name)
    {
        LanguageModel source = GgufCases.Create(GgufCases.Spec(name));
        Assert.True(Write(source, "1.gguf").Passed);
        LanguageModel read = GgufModel.LoadWithTokenizer(At("1.gguf"));
        Reference(GgufCases.Logits(source.Transformer, GgufCases.Ids), GgufCases.Logits(read.Transformer, GgufCases.Ids), 1e-5);
        Write(read, "2.gguf");
        Assert.Equal(File.ReadAllBytes(At("1.gguf")), File.ReadAllBytes(At("2.gguf")));
        // And as a folder of its family, from which the same file comes again.
        ModelConverter.ToFolder(read, At("folder"), new ConversionOptions(), null, CancellationToken.None);
        Write(ModelFolder.Load(At("folder")), "3.gguf");
        Assert.Equal(File.ReadAllBytes(At("1.gguf")), File.ReadAllBytes(At("3.gguf")));
    }

    [PeerTheory]
    [MemberData(nameof(Names))]
    public void Llama_cpp_computes_the_same(string name)
    {
        JsonNode config = GgufCases.Config(name);
        if (name is "mistral" or "phi3") // of which it computes no windows
            config["sliding_window"] = null;
        LanguageModel source = GgufCases.Create(GgufCases.Read(config));
        Write(source, "m.gguf");
        float[] ours = GgufCases.Logits(GgufModel.Load(At("m.gguf")), GgufCases.Ids);
        float[] theirs = LlamaCpp.Logits(At("m.gguf"), source.Transformer.Spec.VocabularySize, GgufCases.Ids);
        // Its attention is in float16 and its GELU a table in float16; in float32 the largest difference is 5e-6. A wrong map is off by 0.1 and more.
        Reference(theirs, ours, 0.01);
        Assert.InRange(theirs.Zip(ours, (a, b) => Math.Abs((double)a - b)).Average(), 0, 0.0015);
    }

    [Theory]
    [InlineData("gemma2", "query_pre_attn_scalar", "12", "scale of queries")]
    [InlineData("gemma2", "attn_logit_softcapping", "null", "cap of scores")]
    [InlineData("gemma3", "attn_logit_softcapping", "5", "cap of scores")]
    [InlineData("gpt-neox", "hidden_act", "\"relu\"", "activation")]
    [InlineData("gpt-neox", "tie_word_embeddings", "true", "matrix of its own")]
    [InlineData("qwen2", "use_sliding_window", "true", "layer 1")]
    [InlineData("qwen2-moe", "mlp_only_layers", "[1]", "layer 1")]
    [InlineData("qwen2-moe", "norm_topk_prob", "true", "layer 0")]
    [InlineData("qwen2-moe", "qkv_bias", "false", "wants biases")]
    [InlineData("qwen3", "attention_bias", "true", "no place for biases")]
    [InlineData("qwen3", "rope_scaling", """{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16}""", "scaled positions")]
    [InlineData("llama-yarn", "rope_scaling", """{"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 512, "beta_fast": 8}""", "rotary positions")]
    [InlineData("olmo2", "head_dim", "16", "not as wide")]
    public void What_llama_cpp_would_compute_otherwise_is_refused(string name, string key, string value, string why)
    {
        JsonNode config = GgufCases.Config(name);
        config[key] = JsonNode.Parse(value);
        LanguageModel model = GgufCases.Create(GgufCases.Read(config));
        CleaveException e = Assert.Throws<CleaveException>(() => Write(model, "m.gguf"));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(At("m.gguf")));
    }

    [Fact]
    public void The_rule_behind_llama_3s_divisors_is_found_again()
    {
        TransformerSpec spec = TransformerSpec.Uniform(40, 256, 1, 2, 2, 64, 256) with
        {
            RotaryBase = 500_000,
            RotaryScaling = new Cleave.Models.Positions.Llama3Scaling(32, 1, 4, 8192),
        };
        Write(GgufCases.Create(spec), "m.gguf");
        Assert.Equal(spec.RotaryScaling, GgufModel.Load(At("m.gguf")).Spec.RotaryScaling);
    }

    [Fact]
    public void Experts_in_blocks_lie_in_three_dimensions_and_their_router_stays_exact()
    {
        JsonNode config = GgufCases.Config("mixtral");
        config["intermediate_size"] = 64;
        LanguageModel source = GgufCases.Create(GgufCases.Read(config));
        Write(source, "m.gguf", "Q8_0");
        using GgufFile file = GgufFile.Open(At("m.gguf"));
        Assert.Equal([4, 64, 32], file.Entry("blk.0.ffn_gate_exps.weight").Shape);
        Assert.Equal([4, 32, 64], file.Entry("blk.1.ffn_down_exps.weight").Shape);
        Assert.Equal((GgufTensorType.Q8_0, GgufTensorType.F32), (file.Entry("blk.1.ffn_up_exps.weight").Type, file.Entry("blk.1.ffn_gate_inp.weight").Type));
        Write(GgufModel.LoadWithTokenizer(At("m.gguf")), "again.gguf", "Q8_0");
        Assert.Equal(File.ReadAllBytes(At("m.gguf")), File.ReadAllBytes(At("again.gguf")));
    }

    private Fidelity Write(LanguageModel model, string name, string type = "F32") => ModelConverter.ToGguf(model, "tiny", At(name),
        new ConversionOptions { Mix = TypeMix.Find(type) }, null, CancellationToken.None)!;

    private static void Reference(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double most = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max();
        Assert.True(most <= tolerance, $"{most} apart, of logits up to {expected.Max(MathF.Abs)}");
    }

    private string At(string name) => Path.Combine(_folder, name);
}
