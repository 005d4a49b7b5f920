using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Models;

public class DecodingTests
{
    private static readonly TransformerSpec Spec = TransformerSpec.Uniform(vocabulary: 64, width: 32, layers: 2, heads: 4, kvHeads: 2, feedForward: 64, context: 1500);

    [Fact]
    public void A_prompt_read_in_stretches_gives_what_it_gives_at_once()
    {
        Transformer model = Transformer.Create(Spec, Rng.For(1, "decoding"));
        int[] prompt = [.. Enumerable.Range(0, 1200).Select(i => i * 7 % 64)];
        using var tape = new Tape(records: false);
        float[] expected = model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add(prompt))).Data[^64..].ToArray();
        tape.Reset();
        using KeyValuePages cache = model.NewCache();
        float[] read = model.Read(tape, new TokenBatch(), prompt, [cache]).Data.ToArray();
        Assert.Equal(1200, cache.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], read[i], 2e-3f);
    }

    [Fact]
    public void Sequences_of_different_lengths_decode_together_as_alone()
    {
        Transformer model = Transformer.Create(Spec, Rng.For(2, "decoding"));
        RoundToNearest.Quantize(model);
        using var tape = new Tape(records: false);
        var batch = new TokenBatch();
        int[][] prompts = [[1], [.. Enumerable.Range(0, 70)], [3, 4, 5, 6, 7]];
        KeyValuePages[] together = [.. prompts.Select(_ => model.NewCache())], alone = [.. prompts.Select(_ => model.NewCache())];
        for (int s = 0; s < prompts.Length; s++)
        {
            int[] prompt = [.. prompts[s].Select(t => t % 64)];
            model.Read(tape, batch, prompt, [together[s]]);
            model.Read(tape, batch, prompt, [alone[s]]);
            tape.Reset();
        }
        for (int step = 0; step < 4; step++)
        {
            batch.Clear();
            for (int s = 0; s < prompts.Length; s++)
                batch.Add([step + s], together[s].Length);
            float[] all = model.NextLogits(tape, batch, together).Data.ToArray();
            for (int s = 0; s < prompts.Length; s++)
                Assert.Equal(model.Read(tape, batch, [step + s], [alone[s]]).Data.ToArray(), all[(s * 64)..(s * 64 + 64)]);
            tape.Reset();
        }
        foreach (KeyValuePages cache in together.Concat(alone))
            cache.Dispose();
    }

    [Fact]
    public void A_token_allocates_no_managed_memory()
    {
        Transformer model = Transformer.Create(Spec, Rng.For(3, "decoding"));
        ModelChecks.TokensAllocateNothing(model, (_, _) => [model.NewCache()]);
    }
}
