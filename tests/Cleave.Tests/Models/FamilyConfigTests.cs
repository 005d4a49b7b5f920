using System.Text.Json.Nodes;
using Cleave.Formats.Safetensors;
using Cleave.Models;

namespace Cleave.Tests.Models;

/// <summary>What config files may say in several ways, and what is refused because it would change the result.</summary>
public sealed class FamilyConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-config").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("qwen2", "hidden_act", "\"mish\"", "hidden_act: 'mish'")]
    [InlineData("qwen2", "rope_scaling", "{\"type\": \"ntk\", \"factor\": 2}", "'ntk' is not supported")]
    [InlineData("qwen2", "rope_scaling", "{\"type\": \"linear\", \"factor\": 0.5}", "at least 1")]
    [InlineData("qwen2", "layer_types", "[\"full_attention\", \"chunked_attention\"]", "layer_types[1]")]
    [InlineData("qwen2", "layer_types", "[\"full_attention\"]", "fewer than there are")]
    [InlineData("qwen2", "quantization_config", "{\"quant_method\": \"awq\"}", "quantization_config")]
    [InlineData("qwen2-moe", "use_sliding_window", "true", "use_sliding_window")]
    [InlineData("mistral", "attention_bias", "true", "attention_bias")]
    [InlineData("llama-linear", "partial_rotary_factor", "0.5", "partial_rotary_factor")]
    [InlineData("llama-linear", "sliding_window", "128", "sliding_window")]
    [InlineData("llama-linear", "rope_interleaved", "true", "rope_interleaved")]
    [InlineData("olmo2", "clip_qkv", "8.0", "clip_qkv")]
    [InlineData("gpt2", "scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx")]
    [InlineData("gpt2", "scale_attn_weights", "false", "scale_attn_weights")]
    [InlineData("gemma3", "use_bidirectional_attention", "true", "use_bidirectional_attention")]
    [InlineData("gemma3", "rope_parameters", "{\"sliding_attention\": {\"rope_type\": \"linear\", \"factor\": 2}}", "window")]
    [InlineData("phi3", "rope_scaling", "{\"type\": \"longrope\", \"short_factor\": [1], \"long_factor\": [1]}", "6 numbers")]
    [InlineData("mixtral", "num_experts_per_tok", "9", "9 of 4 experts")]
    [InlineData("gpt-neox", "num_attention_heads", "3", "3 heads do not divide")]
    [InlineData("gpt-neox", "model_type", "\"gptj\"", "model_type")]
    [InlineData("gemma3", "model_type", "\"gemma3\"", "gemma3_text")]
    public void What_would_change_the_result_is_refused_by_name(string name, string key, string value, string message)
    {
        Copy(name, config => config[key] = JsonNode.Parse(value));
        Assert.Contains(message, Assert.Throws<ModelFileException>(() => ModelFolder.LoadTransformer(_folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("llama-llama3")]
    [InlineData("llama-yarn")]
    [InlineData("phi3")]
    [InlineData("gpt-neox")]
    [InlineData("gemma3")]
    public void Positions_under_rope_parameters_mean_the_same(string name)
    {
        Copy(name, config =>
        {
            var parameters = config["rope_scaling"]?.DeepClone() as JsonObject ?? new JsonObject { ["rope_type"] = "default" };
            parameters["rope_theta"] = (config["rope_theta"] ?? config["rotary_emb_base"])!.DeepClone();
            if ((config["partial_rotary_factor"] ?? config["rotary_pct"]) is { } part)
                parameters["partial_rotary_factor"] = part.DeepClone();
            config["rope_parameters"] = name != "gemma3" ? parameters : new JsonObject
            {
                ["full_attention"] = parameters,
                ["sliding_attention"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = 10000.0 },
            };
            foreach (string old in (string[])["rope_theta", "rope_scaling", "rotary_emb_base", "rotary_pct", "partial_rotary_factor", "rope_local_base_freq"])
                config.Remove(old);
        });
        int[][] sequences = FamilyCases.Sequences(name);
        Assert.Equal(FamilyCases.Logits(FamilyCases.Load(name), sequences), FamilyCases.Logits(ModelFolder.LoadTransformer(_folder), sequences));
    }

    [Theory]
    [InlineData("gpt2", "transformer.")]
    [InlineData("qwen3", "model.")]
    public void Weights_of_the_bare_model_are_found_without_its_prefix(string name, string prefix)
    {
        Copy(name, _ => { });
        string path = Path.Combine(_folder, ModelFolder.Weights);
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(FamilyCases.Folder(name), ModelFolder.Weights)))
        {
            SafetensorsWriter.Write(path, [.. file.Names.Select(n => new TensorToWrite(n.StartsWith(prefix, StringComparison.Ordinal) ? n[prefix.Length..] : n,
                file.Entry(n).DType, file.Entry(n).Shape, file.Bytes(n).ToArray()))], SafetensorsWriter.TransformersMetadata);
        }
        int[][] sequences = FamilyCases.Sequences(name);
        Assert.Equal(FamilyCases.Logits(FamilyCases.Load(name), sequences), FamilyCases.Logits(ModelFolder.LoadTransformer(_folder), sequences));
    }

    [Fact]
    public void A_matrix_of_another_shape_than_the_config_asks_for_is_refused()
    {
        Copy("gpt2", config => config["n_inner"] = 100);
        Assert.Contains("asks for (32, 100)", Assert.Throws<ModelFileException>(() => ModelFolder.LoadTransformer(_folder)).Message, StringComparison.Ordinal);
        Copy("phi3", config => config["intermediate_size"] = 25);
        Assert.Contains("asks for (50, 32)", Assert.Throws<ModelFileException>(() => ModelFolder.LoadTransformer(_folder)).Message, StringComparison.Ordinal);
    }

    private void Copy(string name, Action<JsonObject> change)
    {
        File.Copy(Path.Combine(FamilyCases.Folder(name), ModelFolder.Weights), Path.Combine(_folder, ModelFolder.Weights), overwrite: true);
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(FamilyCases.Folder(name), ModelFolder.Config)))!;
        change(config);
        File.WriteAllText(Path.Combine(_folder, ModelFolder.Config), config.ToJsonString());
    }
}
