using System.Text.Json.Nodes;
using Cleave.Formats.Safetensors;
using Cleave.Models;

namespace Cleave.Tests.Models;

/// <summary>What T5's files may say in several ways, and what is refused.</summary>
public sealed class T5ConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-t5-config").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("feed_forward_proj", "\"gated-swish\"", "feed_forward_proj: 'gated-swish'")]
    [InlineData("relative_attention_num_buckets", "2", "2 buckets")]
    [InlineData("relative_attention_max_distance", "4", "a longest distance of 4 does not go with 8 buckets")]
    [InlineData("relative_attention_max_distance", "2000000000", "a longest distance of 2000000000")]
    [InlineData("decoder_start_token_id", "40", "the decoder's first token, 40, is outside")]
    [InlineData("decoder_start_token_id", "-1", "decoder_start_token_id")]
    [InlineData("num_heads", "0", "num_heads")]
    [InlineData("num_layers", "0", "need the same number of heads")]
    [InlineData("num_layers", "100000", "num_layers")]
    [InlineData("num_layers", "3", "there is no tensor encoder.block.2.layer.0.layer_norm.weight")]
    [InlineData("num_decoder_layers", "4", "there is no tensor decoder.block.3.layer.0.layer_norm.weight")]
    [InlineData("num_heads", "4", "(8, 3), but config.json asks for (8, 4)")]
    [InlineData("d_kv", "8", "(36, 32), but config.json asks for (24, 32)")]
    [InlineData("d_ff", "2147483647", "config.json asks for (2147483647, 32)")]
    [InlineData("d_model", "1000000000", "more than 2^40 weights")]
    [InlineData("d_kv", "15", "head size 15 must be even")]
    [InlineData("layer_norm_epsilon", "0", "epsilon")]
    [InlineData("tie_word_embeddings", "false", "there is no tensor lm_head.weight")]
    [InlineData("scale_decoder_outputs", "false", "there is no tensor lm_head.weight")]
    [InlineData("model_type", "\"umt5\"", "this family is not supported")]
    [InlineData("attention_bias", "true", "attention_bias")]
    public void What_does_not_fit_is_refused_in_one_line(string key, string value, string message)
    {
        Copy("v1.0", config => config[key] = JsonNode.Parse(value));
        string said = Assert.Throws<ModelFileException>(() => ModelFolder.LoadTransformer(_folder)).Message;
        Assert.Contains(message, said, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', said);
    }

    [Fact]
    public void A_file_without_its_decoder_is_refused_unless_the_config_says_so()
    {
        Copy("v1.0", _ => { }, name => name.StartsWith("decoder.", StringComparison.Ordinal) ? null : name);
        Assert.Contains("there is no tensor decoder.block.0", Assert.Throws<ModelFileException>(() => ModelFolder.LoadTransformer(_folder)).Message, StringComparison.Ordinal);
        Copy("v1.0", config => config["architectures"] = new JsonArray("T5EncoderModel"), name => name.StartsWith("decoder.", StringComparison.Ordinal) ? null : name);
        Assert.Null(ModelFolder.LoadTransformer(_folder).Encoder);
    }

    [Theory]
    [InlineData("encoder.embed_tokens.weight")]
    [InlineData("decoder.embed_tokens.weight")]
    public void The_token_table_has_three_names_and_duplicates_are_accepted(string other)
    {
        float[] expected = Logits(T5Cases.Load("v1.0"));
        Copy("v1.0", _ => { }, name => name == "shared.weight" ? other : name);
        Assert.Equal(expected, Logits(ModelFolder.LoadTransformer(_folder)));
        Copy("v1.0", _ => { }, duplicate: other);
        Transformer model = ModelFolder.LoadTransformer(_folder);
        Assert.Equal(expected, Logits(model));
        ModelFolder.Save(_folder, model, WeightType.F32);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(_folder, ModelFolder.Weights));
        Assert.DoesNotContain(other, file.Names);
    }

    // Newer programs write "tied" for every T5, and under another key whether the output is scaled, which tied ones are.
    [Theory]
    [InlineData("v1.0", "tie_word_embeddings", null, null)]
    [InlineData("v1.0", "scale_decoder_outputs", "true", null)]
    [InlineData("v1.1", "tie_word_embeddings", "true", "false")]
    [InlineData("v1.1", "scale_decoder_outputs", "false", null)]
    [InlineData("mt5", "tie_word_embeddings", "true", null)]
    [InlineData("mt5", "tie_word_embeddings", null, null)]
    [InlineData("mt5", "feed_forward_proj", null, null)]
    [InlineData("v1.0", "feed_forward_proj", null, null)]
    [InlineData("mt5", "relative_attention_max_distance", null, null)]
    [InlineData("mt5", "relative_attention_num_buckets", null, null)]
    [InlineData("v1.1", "feed_forward_proj", "\"gated-gelu_new\"", null)]
    [InlineData("v1.0", "decoder_start_token_id", null, null)]
    [InlineData("v1.0", "n_positions", "4", null)]
    [InlineData("v1.0", "dropout_rate", "0.1", null)]
    public void What_configs_say_in_other_ways_means_the_same(string name, string key, string? value, string? scaled)
    {
        Copy(name, config =>
        {
            config.Remove(key);
            if (value is not null)
                config[key] = JsonNode.Parse(value);
            if (scaled is not null)
                config["scale_decoder_outputs"] = JsonNode.Parse(scaled);
        });
        Assert.Equal(Logits(T5Cases.Load(name)), Logits(ModelFolder.LoadTransformer(_folder)));
    }

    [Fact]
    public void As_many_decoder_layers_as_the_encoder_has_where_nothing_is_said()
    {
        Copy("v1.0", config => config.Remove("num_decoder_layers"));
        Assert.Equal(2, ModelFolder.LoadTransformer(_folder).Layers.Count);
    }

    private static float[] Logits(Transformer model) => T5Cases.Logits(model, [[1, 2, 3, 4, 5, 6, 7]], [[model.Spec.DecoderStart, 8, 9]]);

    private void Copy(string name, Action<JsonObject> change, Func<string, string?>? rename = null, string? duplicate = null)
    {
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(T5Cases.Folder(name), ModelFolder.Config)))!;
        change(config);
        File.WriteAllText(Path.Combine(_folder, ModelFolder.Config), config.ToJsonString());
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(T5Cases.Folder(name), ModelFolder.Weights));
        var tensors = new List<TensorToWrite>();
        foreach (string tensor in file.Names)
        {
            if ((rename is null ? tensor : rename(tensor)) is { } kept)
                tensors.Add(new TensorToWrite(kept, file.Entry(tensor).DType, file.Entry(tensor).Shape, file.Bytes(tensor).ToArray()));
        }
        if (duplicate is not null)
            tensors.Add(new TensorToWrite(duplicate, file.Entry("shared.weight").DType, file.Entry("shared.weight").Shape, file.Bytes("shared.weight").ToArray()));
        SafetensorsWriter.Write(Path.Combine(_folder, ModelFolder.Weights), tensors, SafetensorsWriter.TransformersMetadata);
    }
}
