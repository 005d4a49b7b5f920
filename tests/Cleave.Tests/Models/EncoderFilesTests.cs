using System.Text;
using System.Text.Json.Nodes;
using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Formats.Safetensors;
using Cleave.Json;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Models.Heads;
using Cleave.Numerics.Autograd;

namespace Cleave.Tests.Models;

/// <summary>Encoders on disk: the forms that published checkpoints have, and what is refused.</summary>
public sealed class EncoderFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-encoder").FullName;

    public static TheoryData<string> Names => FamilyCases.Encoders;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_folder_is_written_as_it_was_read_head_and_labels_included(string name)
    {
        using var folder = new EncoderFolder(name);
        LanguageModel model = folder.Load();
        string first = Path.Combine(_folder, "a"), second = Path.Combine(_folder, "b");
        ModelFolder.Save(first, model, WeightType.F32);
        ModelChecks.SameTensors(folder.Folder, first);
        ModelChecks.SameConfig(folder.Folder, first, "architectures", "model_type", "vocab_size", "max_position_embeddings", "finetuning_task", "layer_norm_eps", "type_vocab_size", "dim", "n_layers");
        JsonNode before = ModelChecks.Config(folder.Folder), after = ModelChecks.Config(first);
        // A classifier that names no labels has two, whose names transformers makes; they are written out. Other heads get none.
        bool unnamed = name == "roberta-classify";
        Assert.Equal(unnamed, before["id2label"] is null && model.Heads is [{ Kind: HeadKind.Classify or HeadKind.Tag }]);
        foreach ((string key, string made) in ((string, string)[])[("id2label", """{"0": "LABEL_0", "1": "LABEL_1"}"""), ("label2id", """{"LABEL_0": 0, "LABEL_1": 1}""")])
            Assert.True(JsonNode.DeepEquals(unnamed ? JsonNode.Parse(made) : before[key], after[key]), $"{key}: {after[key]}");
        LanguageModel again = ModelFolder.Load(first);
        Assert.Equal(folder.Outputs(model, 0, 1, 2), folder.Outputs(again, 0, 1, 2));
        ModelFolder.Save(second, again, WeightType.F32);
        foreach (string file in (string[])[ModelFolder.Config, ModelFolder.Weights, ModelFolder.TokenizerFile])
            Assert.Equal(File.ReadAllBytes(Path.Combine(first, file)), File.ReadAllBytes(Path.Combine(second, file)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Sixteen_and_eight_bits_and_pruning_keep_the_head(string name)
    {
        using var folder = new EncoderFolder(name);
        LanguageModel model = folder.Load();
        float[] exact = folder.Outputs(model, 0, 1, 2);
        ModelFolder.Save(_folder, model, WeightType.BF16);
        LanguageModel frozen = ModelFolder.LoadFrozen(_folder);
        Assert.All(frozen.Transformer.Weights().Where(w => w.Weight is Linear), w => Assert.IsType<HalfLinear>(w.Weight));
        FamilyCases.Close(folder.Outputs(ModelFolder.Load(_folder), 0, 1, 2).Select(x => (double)x), folder.Outputs(frozen, 0, 1, 2), 1e-5, "output in sixteen bits");
        Assert.InRange(ModelChecks.Error(exact, folder.Outputs(frozen, 0, 1, 2)), 1e-5, 0.05);

        Importance importance = Importance.Measure(model.Transformer, folder.Sequences.Zip(folder.Types, (s, t) => (s, (int[]?)t)), causal: true);
        Transformer same = StructuredPruner.Prune(model.Transformer, importance, new PruningPlan(2, 4, 32));
        Assert.Equal(exact, folder.Outputs(model with { Transformer = same }, 0, 1, 2));
        Transformer pruned = StructuredPruner.Prune(model.Transformer, importance, new PruningPlan(1, 2, 16));
        Assert.True(pruned.Spec.Parameters < model.Transformer.Spec.Parameters);
        LanguageModel smaller = model with { Transformer = pruned };
        ModelFolder.Save(_folder, smaller, WeightType.F32);
        Assert.Equal(folder.Outputs(smaller, 0, 1, 2), folder.Outputs(ModelFolder.Load(_folder), 0, 1, 2));

        RoundToNearest.Quantize(model.Transformer);
        if (model.Transformer.Spec.Width % 32 == 0)
            Assert.InRange(ModelChecks.Error(exact, folder.Outputs(model, 0, 1, 2)), 1e-5, 0.1);
        ModelFolder.Save(_folder, model, WeightType.Q8);
        Assert.Equal(folder.Outputs(model, 0, 1, 2), folder.Outputs(ModelFolder.Load(_folder), 0, 1, 2));
    }

    [Theory]
    [InlineData("bert", "bert.")]
    [InlineData("bert-classify", "bert.")]
    [InlineData("distilbert", "distilbert.")]
    [InlineData("roberta", "roberta.")]
    [InlineData("xlm-roberta-tags", "roberta.")]
    public void Older_names_are_understood_and_what_results_do_not_need_is_passed_over(string name, string root)
    {
        using var folder = new EncoderFolder(name);
        float[] expected = folder.Outputs(folder.Load(), 0, 1, 2);
        folder.Rename(n => n.StartsWith(root, StringComparison.Ordinal) ? n[root.Length..] : n);
        Assert.Equal(expected, folder.Outputs(folder.Load(), 0, 1, 2));
        folder.Rename(n => n.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal),
            new TensorToWrite("embeddings.position_ids", SafetensorsDType.I64, [1, 24], new byte[24 * 8]),
            Zeros("cls.seq_relationship.weight", 2, 32), Zeros("cls.seq_relationship.bias", 2));
        Assert.Equal(expected, folder.Outputs(folder.Load(), 0, 1, 2));
        folder.Rename(n => n is "cls.predictions.bias" or "lm_head.bias" ? n.Replace(".bias", ".decoder.bias", StringComparison.Ordinal) : n);
        Assert.Equal(expected, folder.Outputs(folder.Load(), 0, 1, 2));
    }

    [Fact]
    public void A_pooler_that_no_head_uses_is_kept()
    {
        using var folder = new EncoderFolder("bert-classify", config => config["architectures"] = new JsonArray("BertModel"));
        LanguageModel model = folder.Load();
        Assert.Equal(PoolerKind.Tanh, model.Transformer.Spec.Pooler);
        Assert.Empty(model.Heads);
        ModelFolder.Save(_folder, model, WeightType.F32);
        Assert.Equal("BertModel", ModelChecks.Config(_folder)["architectures"]![0]!.GetValue<string>());
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(_folder, ModelFolder.Weights));
        Assert.Contains("bert.pooler.dense.weight", file.Names);
        Assert.DoesNotContain("classifier.weight", file.Names);
        using var tape = new Tape(records: false);
        Assert.Contains("no head for the vocabulary", Assert.Throws<CleaveException>(() => EncoderFolder.Outputs(model, tape, folder.Batch(0))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert", "position_embedding_type", "\"relative_key\"", "position_embedding_type: is 'relative_key'")]
    [InlineData("bert", "is_decoder", "true", "is_decoder: is true")]
    [InlineData("bert", "add_cross_attention", "true", "add_cross_attention")]
    [InlineData("bert", "hidden_act", "\"gelu_fast\"", "hidden_act: 'gelu_fast'")]
    [InlineData("distilbert", "activation", "\"mish\"", "activation: 'mish'")]
    [InlineData("roberta", "hidden_act", "\"relu\"", "hidden_act: only 'gelu'")]
    [InlineData("roberta", "pad_token_id", "30", "positions begin at 31")]
    [InlineData("bert", "hidden_size", "30", "4 heads do not divide")]
    [InlineData("bert-classify", "problem_type", "\"multi_label_classification\"", "problem_type: is 'multi_label_classification'")]
    [InlineData("bert-classify", "id2label", "{\"0\": \"score\"}", "a number")]
    [InlineData("bert-classify", "id2label", "{\"0\": \"a\", \"2\": \"b\", \"3\": \"c\"}", "none of the number 1")]
    [InlineData("bert-classify", "id2label", "{\"0\": \"a\", \"1\": \"b\"}", "asks for (2, 16)")]
    [InlineData("bert-tags", "architectures", "[\"BertForSequenceClassification\"]", "the layer below it")]
    [InlineData("bert", "architectures", "[\"BertForTokenClassification\"]", "classifier.weight")]
    public void What_would_change_the_result_is_refused_by_name(string name, string key, string value, string message)
    {
        using var folder = new EncoderFolder(name, config => config[key] = JsonNode.Parse(value));
        Assert.Contains(message, Assert.Throws<ModelFileException>(folder.Load).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// The configs of published checkpoints, as far as they say something about the shape, and the sizes that their authors and
    /// the Hugging Face documentation state: 110 M, 66 M, 125 M and 278 M weights, here to the last one.
    /// </summary>
    [Theory]
    [InlineData("bert-base-uncased", 512, 109_514_298, 109_482_240, """
        {"architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1, "gradient_checkpointing": false, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
         "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "bert",
         "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 0, "position_embedding_type": "absolute", "type_vocab_size": 2, "use_cache": true, "vocab_size": 30522}
        """)]
    [InlineData("distilbert-base-uncased-finetuned-sst-2-english", 512, 66_985_530, 66_953_472, """
        {"activation": "gelu", "architectures": ["DistilBertForSequenceClassification"], "attention_dropout": 0.1, "dim": 768, "dropout": 0.1, "finetuning_task": "sst-2",
         "hidden_dim": 3072, "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}, "initializer_range": 0.02, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}, "max_position_embeddings": 512,
         "model_type": "distilbert", "n_heads": 12, "n_layers": 6, "output_past": true, "pad_token_id": 0, "qa_dropout": 0.1, "seq_classif_dropout": 0.2,
         "sinusoidal_pos_embds": false, "tie_weights_": true, "vocab_size": 30522}
        """)]
    [InlineData("roberta-base", 512, 124_697_433, 124_645_632, """
        {"architectures": ["RobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
         "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 514, "model_type": "roberta",
         "num_attention_heads": 12, "num_hidden_layers": 12, "pad_token_id": 1, "type_vocab_size": 1, "vocab_size": 50265}
        """)]
    [InlineData("xlm-roberta-base", 512, 278_295_186, 278_043_648, """
        {"architectures": ["XLMRobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "classifier_dropout": null, "eos_token_id": 2, "hidden_act": "gelu",
         "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 514,
         "model_type": "xlm-roberta", "num_attention_heads": 12, "num_hidden_layers": 12, "output_past": true, "pad_token_id": 1, "position_embedding_type": "absolute",
         "type_vocab_size": 1, "use_cache": true, "vocab_size": 250002}
        """)]
    public void Published_configs_are_read(string name, int context, long masked, long pooled, string json)
    {
        JsonCursor config = JsonCursor.Parse(Encoding.UTF8.GetBytes(json), name);
        Family family = Family.Of(config);
        TransformerSpec spec = family.Read(config);
        Assert.True(spec.Bidirectional);
        Assert.Equal(context, spec.ContextLength);
        Assert.Equal(masked, family.Complete!(spec, n => n.Contains("transform", StringComparison.Ordinal) || n == "lm_head.dense.weight").Parameters);
        Assert.Equal(pooled, family.Complete!(spec, n => n.Contains("pooler", StringComparison.Ordinal) || n == "pre_classifier.weight").Parameters);
        Assert.Equal(spec with { Layers = [] }, family.Read(JsonCursor.Parse(Encoding.UTF8.GetBytes(family.Write(spec).ToJsonString()), name)) with { Layers = [] });
    }

    private static TensorToWrite Zeros(string name, params long[] shape) =>
        new(name, SafetensorsDType.F32, shape, new byte[4 * shape.Aggregate(1L, (a, b) => a * b)]);
}
