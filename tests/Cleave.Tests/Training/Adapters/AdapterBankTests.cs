using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Serving;
using Cleave.Serving.Engine;
using Cleave.Tests.Models;
using Cleave.Tests.Serving.Engine;
using Cleave.Training.Adapters;

namespace Cleave.Tests.Training.Adapters;

public sealed class AdapterBankTests : IDisposable
{
    private static readonly AdapterKind[] Kinds = [AdapterKind.Lora, AdapterKind.Dora, AdapterKind.Ia3];
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-bank").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private (string Name, string Folder)[] Write(Func<LanguageModel> model, params AdapterKind[] kinds) => [.. kinds.Select((kind, i) =>
    {
        Adapter adapter = Adapter.Attach(model().Transformer, new AdapterOptions(kind) { Rank = 2 + i, Alpha = 8, Targets = i == 1 ? ["q_proj", "down_proj"] : [AdapterOptions.AllLinear] }, new Rng((ulong)i + 4));
        var rng = new Rng((ulong)i + 50);
        foreach ((_, Tensor tensor) in adapter.Parameters)
        {
            foreach (ref float w in tensor.Data)
                w += (float)(rng.NextGaussian() * 0.3);
        }
        string folder = Path.Combine(_folder, kind.ToString());
        AdapterFolder.Save(folder, adapter, null);
        return (kind.ToString(), folder);
    })];

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")] // with biases, which DoRA leaves out of its magnitudes
    public void Sequences_of_a_batch_are_each_what_their_adapter_alone_makes_of_them(string kind)
    {
        LanguageModel Model() => DecisiveModel.Create(kind);
        (string Name, string Folder)[] adapters = Write(Model, Kinds);
        int[][] texts = [[1, 2, 3], [4, 5], [1, 2, 3], [6], [7, 8, 9, 10], [1, 2, 3]];
        int[] owners = [0, 1, AdapterBank.None, 2, 0, 2];
        Transformer shared = Model().Transformer;
        AdapterBank bank = AdapterBank.Load(shared, adapters);
        Assert.Equal(Kinds.Select(k => k.ToString()), bank.Names);
        using var tape = new Tape(records: false);
        var batch = new TokenBatch();
        Array.ForEach(texts, t => batch.Add(t));
        float[] together = bank.Forward(tape, batch, owners).Data.ToArray();
        int at = 0;
        for (int s = 0; s < texts.Length; s++)
        {
            Transformer alone = Model().Transformer;
            if (owners[s] != AdapterBank.None)
                AdapterFolder.Load(adapters[owners[s]].Folder, alone);
            float[] expected = alone.Forward(tape, new TokenBatch().Add(texts[s])).Data.ToArray();
            Assert.All(expected.Zip(together.AsSpan(at, expected.Length).ToArray()), p => Assert.Equal(p.First, p.Second, 1e-4f));
            at += expected.Length;
        }
        Assert.Equal(Model().Transformer.Forward(tape, batch).Data.ToArray(), shared.Forward(tape, batch).Data.ToArray()); // outside of a pass nothing is adapted
        Assert.Throws<ArgumentException>(() => bank.Forward(tape, batch, [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => bank.Forward(tape, batch, [0, 0, 0, 0, 0, 3]));
        Assert.Equal(together, bank.Forward(tape, batch, owners).Data.ToArray()); // what was refused leaves nothing behind
    }

    [Fact]
    public async Task Requests_of_several_adapters_share_an_engine_and_no_beginning()
    {
        static LanguageModel Model() => DecisiveModel.Create("long");
        (string Name, string Folder)[] adapters = Write(Model, Kinds);
        LanguageModel model = Model();
        AdapterBank bank = AdapterBank.Load(model.Transformer, adapters);
        using var engine = new DecodingEngine(model.Transformer, new ComputeTurns(), new ComputeShare("tiny"), adapters: bank);
        int[] prompt = [.. Enumerable.Range(0, 2 * KeyValuePages.PagePositions + 5).Select(i => 1 + i % 50)]; // long enough for pages to be kept
        for (int round = 0; round < 2; round++)
        {
            (int Adapter, List<int> Tokens, int Known)[] answers = await Task.WhenAll(Enumerable.Range(AdapterBank.None, 4).Select(adapter => Task.Factory.StartNew(() =>
            {
                var made = new List<int>();
                SequenceResult result = engine.Run(new SequenceRequest { Prompt = prompt, Adapter = adapter, Sampling = new SamplingOptions { MaxTokens = 6 }, IsEnd = _ => false },
                    t => { made.Add(t.Id); return true; });
                return (adapter, made, result.Known);
            }, TaskCreationOptions.LongRunning)));
            foreach ((int adapter, List<int> tokens, int known) in answers)
            {
                LanguageModel alone = Model();
                if (adapter != AdapterBank.None)
                    AdapterFolder.Load(adapters[adapter].Folder, alone.Transformer);
                Assert.Equal(DecisiveModel.Alone(alone, prompt, new SamplingOptions { MaxTokens = 6 }, null).Tokens, tokens);
                Assert.Equal(round * 2 * KeyValuePages.PagePositions, known);
            }
        }
    }

    /// <summary>An encoder–decoder's adapters have a part in what it reads, before the first token is written.</summary>
    [Fact]
    public async Task Sources_are_each_read_with_their_adapter()
    {
        static LanguageModel Model() => DecisiveModel.Create("t5");
        (string Name, string Folder)[] adapters = Write(Model, Kinds);
        LanguageModel model = Model();
        using var engine = new DecodingEngine(model.Transformer, new ComputeTurns(), new ComputeShare("tiny"), adapters: AdapterBank.Load(model.Transformer, adapters));
        int[] prompt = [5, 6, 7, 8, 9];
        (int Adapter, List<int> Tokens)[] answers = await Task.WhenAll(Enumerable.Range(AdapterBank.None, 4).Select(adapter => Task.Factory.StartNew(() =>
        {
            var made = new List<int>();
            engine.Run(new SequenceRequest { Prompt = prompt, Adapter = adapter, Sampling = new SamplingOptions { MaxTokens = 6 }, IsEnd = _ => false }, t => { made.Add(t.Id); return true; });
            return (adapter, made);
        }, TaskCreationOptions.LongRunning)));
        foreach ((int adapter, List<int> tokens) in answers)
        {
            LanguageModel alone = Model();
            if (adapter != AdapterBank.None)
                AdapterFolder.Load(adapters[adapter].Folder, alone.Transformer);
            Assert.Equal(DecisiveModel.Alone(alone, prompt, new SamplingOptions { MaxTokens = 6 }, null).Tokens, tokens);
        }
        Assert.True(answers.DistinctBy(a => string.Join(' ', a.Tokens)).Count() > 1);
    }

    [Fact]
    public void A_row_of_zeros_under_DoRA_stays_finite()
    {
        static LanguageModel Model()
        {
            LanguageModel model = DecisiveModel.Create("llama");
            ((DenseLinear)model.Transformer.Layers[0].Attention.Query).Weight.Data[..32].Clear();
            return model;
        }
        string folder = Path.Combine(_folder, "zero");
        AdapterFolder.Save(folder, Adapter.Attach(Model().Transformer, new AdapterOptions(AdapterKind.Dora), new Rng(4)), null);
        AdapterBank bank = AdapterBank.Load(Model().Transformer, [("zero", folder)]);
        using var tape = new Tape(records: false);
        Assert.All(bank.Forward(tape, new TokenBatch().Add([1, 2, 3]), [0]).Data.ToArray(), x => Assert.True(float.IsFinite(x)));
    }

    [Fact]
    public void A_host_answers_for_the_model_and_for_each_adapter()
    {
        static LanguageModel Model() => DecisiveModel.Create("llama");
        LanguageModel model = Model();
        using var host = new LanguageModelHost(model, "base", DateTimeOffset.UnixEpoch, adapters: AdapterBank.Load(model.Transformer, Write(Model, AdapterKind.Lora)));
        Assert.Equal(["base", "Lora"], host.Modules.Select(m => m.Name));
        float[][] vectors = [.. host.Modules.Select(m => host.Embed(m.Name, ["ab"], CancellationToken.None)[0].Vector)];
        Assert.NotEqual(vectors[0], vectors[1]);
        using var plain = new LanguageModelHost(Model(), "base", DateTimeOffset.UnixEpoch);
        Assert.Equal(plain.Embed("base", ["ab"], CancellationToken.None)[0].Vector, vectors[0]);
        UnknownModuleException e = Assert.Throws<UnknownModuleException>(() => host.Embed("Dora", ["ab"], CancellationToken.None));
        Assert.Contains("base", e.Message, StringComparison.Ordinal);
        Assert.Contains("Lora", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_another_model_or_with_a_head_is_refused()
    {
        (string Name, string Folder)[] adapters = Write(() => DecisiveModel.Create("llama"), AdapterKind.Lora);
        Assert.Throws<ModelFileException>(() => AdapterBank.Load(DecisiveModel.Create("gpt2").Transformer, adapters));
        Adapter headed = Adapter.Attach(DecisiveModel.Create("llama").Transformer, new AdapterOptions(AdapterKind.Lora), new Rng(1));
        AdapterFolder.Save(_folder, headed, null, [("score.weight", Tensor.Parameter(2, 8))]);
        ModelFileException e = Assert.Throws<ModelFileException>(() => AdapterBank.Load(DecisiveModel.Create("llama").Transformer, [("headed", _folder)]));
        Assert.Contains("score.weight", e.Message, StringComparison.Ordinal);
    }
}
