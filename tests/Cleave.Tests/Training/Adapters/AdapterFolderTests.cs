using System.Text.Json;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training.Adapters;

namespace Cleave.Tests.Training.Adapters;

public sealed class AdapterFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-adapter").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("llama-linear", AdapterKind.Lora)]
    [InlineData("llama-linear", AdapterKind.Dora)]
    [InlineData("llama-linear", AdapterKind.Ia3)]
    [InlineData("gpt2", AdapterKind.Lora)]
    [InlineData("gpt2", AdapterKind.Dora)]
    [InlineData("gpt2", AdapterKind.Ia3)]
    [InlineData("gpt-neox", AdapterKind.Lora)]
    [InlineData("phi3", AdapterKind.Dora)]
    public void Written_and_read_it_computes_the_same_in_every_layout(string family, AdapterKind kind)
    {
        Transformer first = Model(family), second = Model(family);
        float[] plain = Logits(first);
        Adapter adapter = Adapter.Attach(first, new AdapterOptions(kind) { Rank = 3, Alpha = 6, RankStabilized = kind == AdapterKind.Dora }, new Rng(4));
        Assert.All(plain.Zip(Logits(first)), p => Assert.Equal(p.First, p.Second, 1e-4f));
        Perturb(adapter);
        float[] adapted = Logits(first);
        Assert.Contains(plain.Zip(adapted), p => Math.Abs(p.First - p.Second) > 1e-2);
        AdapterFolder.Save(_folder, adapter, "some/model");
        Assert.True(AdapterFolder.IsAdapter(_folder));
        Assert.Equal("some/model", AdapterFolder.BaseModelOf(_folder));
        Adapter loaded = AdapterFolder.Load(_folder, second);
        Assert.Equal(adapted, Logits(second));
        loaded.Detach();
        Assert.Equal(plain, Logits(second));
    }

    [Fact]
    public void Merged_it_computes_the_same_and_can_be_saved()
    {
        Transformer model = Model("gpt2");
        Adapter adapter = Adapter.Attach(model, new AdapterOptions(AdapterKind.Dora) { Rank = 2 }, new Rng(4));
        Perturb(adapter);
        float[] adapted = Logits(model);
        adapter.Merge();
        Assert.DoesNotContain(model.Weights(), w => w.Weight is AdaptedLinear);
        Assert.All(adapted.Zip(Logits(model)), p => Assert.Equal(p.First, p.Second, 1e-4f));
        ModelFolder.Save(_folder, model, WeightType.F32);
        Assert.All(adapted.Zip(Logits(ModelFolder.LoadTransformer(_folder))), p => Assert.Equal(p.First, p.Second, 1e-4f));
    }

    [Fact]
    public void Targets_are_named_as_llama_or_as_the_family_names_them()
    {
        Transformer model = Model("gpt2");
        Adapter adapter = Adapter.Attach(model, new AdapterOptions(AdapterKind.Lora) { Targets = ["q_proj", "c_fc"] }, new Rng(1));
        Assert.All(model.Layers, layer =>
        {
            Assert.IsType<LoraLinear>(layer.Attention.Query);
            Assert.IsType<DenseLinear>(layer.Attention.Key);
            Assert.IsType<LoraLinear>(layer.FeedForward!.Up);
            Assert.IsType<DenseLinear>(layer.FeedForward.Down);
        });
        Perturb(adapter);
        float[] adapted = Logits(model);
        AdapterFolder.Save(_folder, adapter, null);
        Transformer other = Model("gpt2");
        AdapterFolder.Load(_folder, other);
        Assert.All(adapted.Zip(Logits(other)), p => Assert.Equal(p.First, p.Second, 1e-5f)); // keys and values have rows of zeros
        CleaveException e = Assert.Throws<CleaveException>(() => Adapter.Attach(Model("gpt2"), new AdapterOptions(AdapterKind.Lora) { Targets = ["qq_proj"] }, new Rng(1)));
        Assert.Contains("q_proj", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_another_model_is_refused_and_leaves_the_model_as_it_was()
    {
        AdapterFolder.Save(_folder, Adapter.Attach(Model("gpt2"), new AdapterOptions(AdapterKind.Lora), new Rng(1)), "gpt2");
        Transformer model = Model("llama-linear");
        float[] before = Logits(model);
        ModelFileException e = Assert.Throws<ModelFileException>(() => AdapterFolder.Load(_folder, model));
        Assert.Contains("another", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Logits(model));
    }

    [Theory]
    [InlineData("\"peft_type\": \"LORA\"", "\"peft_type\": \"ADALORA\"", "ADALORA")]
    [InlineData("\"r\": 8", "\"r\": 0", "r")]
    [InlineData("\"lora_alpha\": 16", "\"lora_alpha\": -1", "lora_alpha")]
    [InlineData("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"(\": 3}", "alpha_pattern")]
    public void A_config_that_cannot_be_used_is_said_in_one_line(string from, string to, string named)
    {
        AdapterFolder.Save(_folder, Adapter.Attach(Model("gpt2"), new AdapterOptions(AdapterKind.Lora), new Rng(1)), null);
        string path = Path.Combine(_folder, "adapter_config.json"), text = File.ReadAllText(path);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        ModelFileException e = Assert.Throws<ModelFileException>(() => AdapterFolder.Load(_folder, Model("gpt2")));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void A_tensor_of_the_wrong_shape_is_refused() => Assert.Contains("lora_B", Refusal("gpt2", (n, kept) => n.EndsWith("lora_B.weight", StringComparison.Ordinal)
        ? [TensorToWrite.From(n, SafetensorsDType.F32, [3, 8], new float[24])] : [kept]), StringComparison.Ordinal);

    [Theory]
    [InlineData("gpt2", "transformer.wte.weight")]
    [InlineData("gpt2", "transformer.h.0.ln_1.bias")]
    [InlineData("gpt2", "lm_head.weight")]
    [InlineData("llama-linear", "model.norm.weight")]
    public void An_adapter_that_trains_the_bases_own_weights_is_refused(string family, string own)
    {
        bool added = false;
        string refusal = Refusal(family, (_, kept) =>
        {
            TensorToWrite[] more = added ? [] : [TensorToWrite.From("base_model.model." + own, SafetensorsDType.F32, [1, 8], new float[8])];
            added = true;
            return [kept, .. more];
        });
        Assert.Contains($"base_model.model.{own}: adapters that train the base's own weights too", refusal, StringComparison.Ordinal);
    }

    /// <summary>What loading says of an adapter's file whose tensors were changed.</summary>
    private string Refusal(string family, Func<string, TensorToWrite, IEnumerable<TensorToWrite>> change)
    {
        AdapterFolder.Save(_folder, Adapter.Attach(Model(family), new AdapterOptions(AdapterKind.Lora), new Rng(1)), null);
        string path = Path.Combine(_folder, AdapterFolder.Weights);
        List<TensorToWrite> tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            tensors = [.. file.Names.SelectMany(n => change(n, TensorToWrite.From(n, SafetensorsDType.F32, file.Entry(n).Shape, Read(file, n))))];
        SafetensorsWriter.Write(path, tensors);
        return Assert.Throws<ModelFileException>(() => AdapterFolder.Load(_folder, Model(family))).Message;
    }

    /// <summary>The adapter adds B·A·α/r to the stored matrix, which is computed here from the file alone.</summary>
    [SharedFact]
    public void A_real_adapter_of_PEFT_loads()
    {
        string folder = Shared.Data("lora-gpt2-peft");
        TransformerSpec gpt2 = Family.All.First(f => f.ModelType == "gpt2").Read(Config("""{"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 16, "vocab_size": 32}"""));
        Transformer model = Transformer.Build(gpt2, (name, rows, columns) =>
        {
            Tensor t = Tensor.Parameter(rows, columns);
            if (name.Contains("layers.3.self_attn.k_proj", StringComparison.Ordinal))
                t.Data.Fill(0.25f);
            return t;
        });
        Adapter adapter = AdapterFolder.Load(folder, model);
        Assert.Equal(8, adapter.Options.Rank);
        Assert.Equal((6, 768), (adapter.Others["base_model.model.score.weight"].Rows, adapter.Others["base_model.model.score.weight"].Columns));
        Assert.All(model.Layers, l => Assert.IsType<LoraLinear>(l.Attention.Value));
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, AdapterFolder.Weights));
        float[] a = Read(file, "base_model.model.transformer.h.3.attn.c_attn.lora_A.weight"), b = Read(file, "base_model.model.transformer.h.3.attn.c_attn.lora_B.weight");
        var row = new float[768];
        foreach (int r in (int[])[0, 5, 767])
        {
            model.Layers[3].Attention.Key.CopyRow(r, row);
            for (int c = 0; c < 768; c += 101)
            {
                double expected = 0.25;
                for (int k = 0; k < 8; k++)
                    expected += b[(768 + r) * 8 + k] * (double)a[k * 768 + c]; // α / r is 1
                Assert.Equal(expected, row[c], 1e-5);
            }
        }
        AdapterFolder.Save(_folder, adapter, adapter.Options.Kind.ToString());
        using SafetensorsFile written = SafetensorsFile.Open(Path.Combine(_folder, AdapterFolder.Weights));
        Assert.Equal(file.Names.Order(StringComparer.Ordinal), written.Names.Order(StringComparer.Ordinal));
        Assert.All(file.Names, n => Assert.Equal(Read(file, n), Read(written, n)));
    }

    private Cleave.Json.JsonCursor Config(string json)
    {
        string path = Path.Combine(_folder, "config.json");
        File.WriteAllText(path, json);
        return JsonFile.Load(path);
    }

    private static float[] Read(SafetensorsFile file, string name)
    {
        var values = new float[file.Entry(name).Shape.Aggregate(1L, (n, d) => n * d)];
        file.ReadSingle(name, values);
        return values;
    }

    private static Transformer Model(string family) => ModelFolder.LoadTransformer(Path.Combine(AppContext.BaseDirectory, "Golden", "families", family));

    private static void Perturb(Adapter adapter)
    {
        var rng = new Rng(8);
        foreach ((_, Tensor tensor) in adapter.Parameters)
        {
            foreach (ref float x in tensor.Data)
                x += (float)(0.2 * rng.NextGaussian());
        }
    }

    private static float[] Logits(Transformer model)
    {
        using var tape = new Tape(records: false);
        return model.Logits(tape, model.Forward(tape, new TokenBatch().Add([3, 1, 4, 1, 5]).Add([2, 6]))).Data.ToArray();
    }
}
