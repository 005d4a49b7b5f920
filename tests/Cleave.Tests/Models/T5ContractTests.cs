using System.Text.Json.Nodes;
using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Sampling;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Models;

/// <summary>What an encoder–decoder must do: the same with caches, in a batch, after saving, frozen, quantized and pruned.</summary>
public sealed class T5ContractTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-t5").FullName;

    public static TheoryData<string> Names => T5Cases.Names;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void Caches_change_nothing_beyond_float16_token_by_token_and_in_stretches(string name)
    {
        Transformer model = T5Cases.Load(name);
        int[] source = T5Cases.Sources(name)[0], read = [model.Spec.DecoderStart, .. Enumerable.Range(1, 19).Select(i => i * 7 % 40)];
        float[] expected = T5Cases.Logits(model, [source], [read]);
        using var tape = new Tape(records: false);
        using KeyValuePages cache = model.Begin(tape, new TokenBatch().Add(source))[0];
        Assert.Equal(source.Length, cache.Source!.Length);
        ModelChecks.CacheChangesNothing(model, expected, read, cache, 1, 1, 3, 1, 6, 8);
        Assert.Equal((20, source.Length), (cache.Length, cache.Source.Length));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_batch_gives_what_its_pairs_give_alone(string name)
    {
        Transformer model = T5Cases.Load(name);
        int[][] sources = T5Cases.Sources(name), read = [.. T5Cases.Answers(name).Select(a => T5Cases.Read(model, a))];
        IEnumerable<double> alone = sources.Zip(read).SelectMany(p => T5Cases.Logits(model, [p.First], [p.Second])).Select(x => (double)x);
        FamilyCases.Close(alone, T5Cases.Logits(model, sources, read), 1e-5, "logit");
    }

    [Fact]
    public void Answers_made_together_are_those_made_alone()
    {
        Transformer model = T5Cases.Create().Transformer;
        int[][] prompts = [[5], [.. Enumerable.Range(1, 40)], [9, 8, 7], [3, 1, 4, 1, 5, 9, 2, 6]];
        using var generator = new Generator(model);
        (int[] Tokens, double)[] together = generator.Greedy(prompts, 12, token => token == 0);
        for (int p = 0; p < prompts.Length; p++)
        {
            var alone = new List<int>();
            generator.Generate(prompts[p], new SamplingOptions { MaxTokens = 12 }, token => token == 0, (token, _) =>
            {
                alone.Add(token);
                return true;
            });
            Assert.Equal(alone, together[p].Tokens);
            // And each is the largest logit behind those before it.
            int[] read = [model.Spec.DecoderStart, .. alone];
            float[] logits = T5Cases.Logits(model, [prompts[p]], [read]);
            int v = model.Spec.VocabularySize;
            for (int t = 0; t < alone.Count; t++)
                Assert.True(logits[t * v + alone[t]] > logits.AsSpan(t * v, v).ToArray().Max() - 0.02f, $"prompt {p}, token {t}");
        }
        Assert.True(together.Select(t => string.Join(' ', t.Tokens)).Distinct().Count() > 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_prompt_that_cannot_be_answered_keeps_no_other_from_its_answer(bool encoder)
    {
        Transformer model = (encoder ? T5Cases.Create() : TinyModel.Create()).Transformer;
        int[][] prompts = [[5], [], [.. Enumerable.Repeat(3, 65)], [9, 8, 7]];
        using var generator = new Generator(model);
        (int[] Tokens, double MeanLogProbability)[] made = generator.Greedy(prompts, 6, token => token == 0);
        (int[] Tokens, double MeanLogProbability)[] alone = generator.Greedy([prompts[0], prompts[3]], 6, token => token == 0);
        Assert.Equal([alone[0].Tokens, [], [], alone[1].Tokens], made.Select(m => m.Tokens));
        Assert.Equal([alone[0].MeanLogProbability, double.NegativeInfinity, double.NegativeInfinity, alone[1].MeanLogProbability], made.Select(m => m.MeanLogProbability));
        Assert.NotEmpty(alone[1].Tokens);
    }

    [Fact]
    public void A_token_allocates_no_managed_memory()
    {
        Transformer model = T5Cases.Create(context: 1000).Transformer;
        ModelChecks.TokensAllocateNothing(model, (tape, batch) => model.Begin(tape, batch.Add([.. Enumerable.Range(0, 300).Select(i => i % 50)])));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_folder_is_written_in_the_names_shapes_and_values_that_it_had(string name)
    {
        Transformer model = T5Cases.Load(name);
        ModelFolder.Save(_folder, model, WeightType.F32);
        ModelChecks.SameTensors(T5Cases.Folder(name), _folder);
        ModelChecks.SameConfig(T5Cases.Folder(name), _folder, ModelChecks.Config(T5Cases.Folder(name)).AsObject().Select(p => p.Key)
            .Where(k => !k.EndsWith("pad_token_id", StringComparison.Ordinal) && !k.StartsWith("eos", StringComparison.Ordinal)));
        Same(model, ModelFolder.LoadTransformer(_folder), name);
        byte[] config = File.ReadAllBytes(Path.Combine(_folder, ModelFolder.Config)), weights = File.ReadAllBytes(Path.Combine(_folder, ModelFolder.Weights));
        ModelFolder.Save(_folder, ModelFolder.LoadTransformer(_folder), WeightType.F32);
        Assert.Equal(config, File.ReadAllBytes(Path.Combine(_folder, ModelFolder.Config)));
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(_folder, ModelFolder.Weights)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Frozen_sixteen_bits_and_eight_bits_are_close_and_are_saved_as_they_are(string name)
    {
        Transformer model = T5Cases.Load(name);
        float[] exact = All(model, name);
        ModelFolder.Save(_folder, model, WeightType.BF16);
        Transformer frozen = ModelFolder.LoadTransformer(_folder, frozen: true);
        Assert.All(frozen.Weights().Where(w => w.Weight is Linear), w => Assert.IsType<HalfLinear>(w.Weight));
        Assert.InRange(ModelChecks.Error(exact, All(frozen, name)), 1e-5, 0.1);
        FamilyCases.Close(All(ModelFolder.LoadTransformer(_folder), name).Select(x => (double)x), All(frozen, name), 2e-3, "widened");
        RoundToNearest.Quantize(model);
        Assert.True(model.Weights().Count(w => w.Weight is QuantizedLinear) > 10);
        Assert.InRange(ModelChecks.Error(exact, All(model, name)), 1e-5, 0.1);
        ModelFolder.Save(_folder, model, WeightType.Q8);
        Same(model, ModelFolder.LoadTransformer(_folder), name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Pruning_nothing_changes_nothing_and_a_pruned_model_is_an_ordinary_one(string name)
    {
        Transformer model = T5Cases.Load(name);
        int[][] sources = T5Cases.Sources(name), answers = T5Cases.Answers(name);
        Importance importance = Importance.MeasureAnswers(model, sources.Zip(answers, (s, a) => (s, T5Cases.Read(model, a))));
        LayerSpec first = model.Spec.Layers[0];
        int encoderLayers = model.Encoder!.Layers.Count;
        var whole = new PruningPlan(model.Layers.Count, first.Heads, first.FeedForwardWidth) { EncoderLayers = encoderLayers };
        Assert.Equal(All(model, name), All(StructuredPruner.Prune(model, importance, whole), name));
        Transformer pruned = StructuredPruner.Prune(model, importance, new PruningPlan(1, 2, 10) { EncoderLayers = 1 });
        Assert.Equal((1, 1), (pruned.Layers.Count, pruned.Encoder!.Layers.Count));
        Assert.Equal(pruned.Spec.Parameters, pruned.Parameters().Sum(p => (long)p.Tensor.Length));
        ModelFolder.Save(_folder, pruned, WeightType.F32);
        Same(pruned, ModelFolder.LoadTransformer(_folder), name);
        JsonNode config = ModelChecks.Config(_folder);
        Assert.Equal((2, 10, 1, 1), ((int)config["num_heads"]!, (int)config["d_ff"]!, (int)config["num_layers"]!, (int)config["num_decoder_layers"]!));
        Assert.Null(config["cleave"]); // other programs can load it
    }

    [Fact]
    public void Heads_are_kept_with_their_own_bias_of_positions()
    {
        Transformer model = T5Cases.Load("v1.0");
        int[][] sources = T5Cases.Sources("v1.0"), answers = T5Cases.Answers("v1.0");
        Importance measured = Importance.MeasureAnswers(model, sources.Zip(answers, (s, a) => (s, T5Cases.Read(model, a))));
        double[] last = [0, 0, 1]; // of three heads
        Importance chosen = measured with
        {
            Groups = [.. measured.Groups.Select(_ => last)],
            Encoder = measured.Encoder! with { Groups = [.. measured.Encoder!.Groups.Select(_ => last)] },
        };
        Transformer pruned = StructuredPruner.Prune(model, chosen, new PruningPlan(3, 1, 24) { EncoderLayers = 2 });
        for (int b = 0; b < 8; b++)
        {
            Assert.Equal(model.RelativeBias!.Data[b * 3 + 2], pruned.RelativeBias!.Data[b]);
            Assert.Equal(model.Encoder!.RelativeBias!.Data[b * 3 + 2], pruned.Encoder!.RelativeBias!.Data[b]);
        }
    }

    [Fact]
    public void Stacks_of_different_widths_are_saved_as_they_are()
    {
        Transformer model = T5Cases.Create().Transformer;
        TransformerSpec uneven = model.Spec with
        {
            Layers = [new LayerSpec(2, 2, 8, 40), new LayerSpec(2, 2, 8, 64)],
            Encoder = model.Spec.Encoder! with { Layers = [new LayerSpec(4, 4, 8, 64), new LayerSpec(4, 4, 8, 24)] },
        };
        Transformer made = Transformer.Create(uneven, new Cleave.Numerics.Rng(3));
        ModelFolder.Save(_folder, made, WeightType.F32);
        Transformer read = ModelFolder.LoadTransformer(_folder);
        Assert.Equal(uneven.Layers, read.Spec.Layers);
        Assert.Equal(uneven.Encoder.Layers, read.Spec.Encoder!.Layers);
        Assert.Equal(64, read.Spec.ContextLength);
        Assert.Equal(T5Cases.Logits(made, [[1, 2, 3]], [[0, 4]]), T5Cases.Logits(read, [[1, 2, 3]], [[0, 4]]));
    }

    [Fact]
    public void The_encoder_alone_is_a_model_of_its_own()
    {
        Transformer model = T5Cases.Load("v1.1");
        ModelFolder.Save(_folder, model.Encoder!, WeightType.F32);
        Assert.Contains("T5EncoderModel", File.ReadAllText(Path.Combine(_folder, ModelFolder.Config)), StringComparison.Ordinal);
        Transformer alone = ModelFolder.LoadTransformer(_folder);
        Assert.Null(alone.Encoder);
        Assert.Equal(alone.Spec.Parameters, alone.Parameters().Sum(p => (long)p.Tensor.Length));
        using var tape = new Tape(records: false);
        TokenBatch batch = FamilyCases.Batch(T5Cases.Sources("v1.1"));
        Assert.Equal(model.Encode(tape, batch).States.Data.ToArray(), alone.Forward(tape, batch).Data.ToArray()); // it sees both ways, whatever is asked
        Assert.Contains("encoder", Assert.Throws<CleaveException>(() => new Generator(alone)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Transformer model = T5Cases.Create(context: 8).Transformer;
        using var tape = new Tape(records: false);
        Assert.Throws<CapacityException>(() => model.Begin(tape, new TokenBatch().Add([.. Enumerable.Range(0, 9)])));
        using var generator = new Generator(model);
        int made = 0;
        Assert.Throws<CapacityException>(() => generator.Generate([.. Enumerable.Range(0, 9)], new SamplingOptions(), _ => false, (_, _) => true));
        generator.Generate([.. Enumerable.Range(0, 8)], new SamplingOptions(), _ => false, (_, _) => ++made > 0);
        Assert.Equal(8, made); // the prompt takes nothing of the answer's room
        Assert.Contains("encoder-decoder", Assert.Throws<CleaveException>(() => model.Forward(tape, new TokenBatch().Add([1]))).Message, StringComparison.Ordinal);
        Assert.Contains("encoder-decoder", Assert.Throws<CleaveException>(model.NewCache).Message, StringComparison.Ordinal);
    }

    private static float[] All(Transformer model, string name) =>
        T5Cases.Logits(model, T5Cases.Sources(name), [.. T5Cases.Answers(name).Select(a => T5Cases.Read(model, a))]);

    private static void Same(Transformer a, Transformer b, string name) => ModelChecks.Same(a, b, model => All(model, name));
}
