using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Numerics.Ops;

namespace Cleave.Tests.Models;

public class TrainingNoiseTests
{
    private static readonly int[] Offsets = [0, 5, 6, 9];

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 0)]
    [InlineData(true, 2)]
    [InlineData(false, 3)]
    public void Dropped_attention_has_the_gradient_of_its_mask(bool causal, int window)
    {
        Tensor q = GradientCheck.Random(9, 8, 1), k = GradientCheck.Random(9, 4, 2), v = GradientCheck.Random(9, 4, 3);
        GradientCheck.Check([q, k, v], tape => Op.DroppedAttention(tape, q, k, v, Offsets, 4, 2, causal, new ScoreRule(Window: window), 0.3f, new Rng(5)));
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 0)]
    [InlineData(true, 2)]
    public void With_next_to_nothing_dropped_it_is_attention(bool causal, int window)
    {
        Tensor q = GradientCheck.Random(9, 8, 1), k = GradientCheck.Random(9, 4, 2), v = GradientCheck.Random(9, 4, 3);
        using var tape = new Tape(records: false);
        var rule = new ScoreRule(Window: window);
        float[] plain = Op.Attention(tape, q, k, v, Offsets, 4, 2, causal, rule).Data.ToArray();
        float[] dropped = Op.DroppedAttention(tape, q, k, v, Offsets, 4, 2, causal, rule, 1e-9f, new Rng(5)).Data.ToArray();
        for (int i = 0; i < plain.Length; i++)
            Assert.Equal(plain[i], dropped[i], 1e-5f);
    }

    [Fact]
    public void The_mean_over_masks_is_attention()
    {
        Tensor q = GradientCheck.Random(6, 4, 1), k = GradientCheck.Random(6, 4, 2), v = GradientCheck.Random(6, 4, 3);
        using var tape = new Tape(records: false);
        int[] offsets = [0, 6];
        float[] plain = Op.Attention(tape, q, k, v, offsets, 1, 1, true).Data.ToArray();
        var mean = new double[plain.Length];
        var rng = new Rng(2);
        const int Draws = 20_000;
        for (int draw = 0; draw < Draws; draw++)
        {
            Tensor y = Op.DroppedAttention(tape, q, k, v, offsets, 1, 1, true, default, 0.25f, rng);
            for (int i = 0; i < mean.Length; i++)
                mean[i] += y.Data[i] / (double)Draws;
            tape.Reset();
        }
        for (int i = 0; i < mean.Length; i++)
            Assert.InRange(mean[i], plain[i] - 0.05, plain[i] + 0.05);
    }

    [Fact]
    public void Noise_depends_on_the_update_alone_and_ends_with_it()
    {
        Transformer model = TinyModel.Create(layers: 4).Transformer;
        using var tape = new Tape(records: true);
        float[] Hidden()
        {
            float[] values = model.Forward(tape, new TokenBatch().Add([1, 2, 3, 4, 5, 6])).Data.ToArray();
            tape.Reset();
            return values;
        }
        float[] At(TrainingNoise noise, int update)
        {
            noise.Begin(update, 0);
            return Hidden();
        }
        float[] plain = Hidden();
        foreach (TrainingNoise noise in (TrainingNoise[])[new(7) { Residual = 0.3f }, new(7) { Attention = 0.3f }, new(7) { Layers = 0.4f }])
        {
            model.TrainingNoise = noise;
            Assert.Equal(plain, Hidden());
            // Few layers are there to be skipped, so not every update leaves one out.
            int some = Enumerable.Range(3, 20).First(update => !At(noise, update).SequenceEqual(plain));
            float[] noisy = Hidden();
            Assert.Equal(noisy, Hidden());
            Assert.Contains(Enumerable.Range(some + 1, 20), update => !At(noise, update).SequenceEqual(noisy));
            Assert.Equal(noisy, At(noise, some));
            noise.End();
            Assert.Equal(plain, Hidden());
        }
    }

    [Fact]
    public void What_would_be_left_out_of_one_stack_alone_or_of_no_attention_is_refused()
    {
        Transformer both = T5Cases.Create().Transformer, encoder = both.Encoder!;
        foreach (TrainingNoise noise in (TrainingNoise[])[new(7) { Residual = 0.3f }, new(7) { Attention = 0.3f }, new(7) { Layers = 0.4f }])
            Assert.Contains("encoder-decoder", Assert.Throws<CleaveException>(() => both.TrainingNoise = noise).Message, StringComparison.Ordinal);
        both.TrainingNoise = new TrainingNoise(7) { Adapters = 0.3f };
        Assert.Contains("bias of positions", Assert.Throws<CleaveException>(() => encoder.TrainingNoise = new TrainingNoise(7) { Attention = 0.3f }).Message, StringComparison.Ordinal);
        encoder.TrainingNoise = new TrainingNoise(7) { Residual = 0.3f, Layers = 0.4f };
        Assert.Null(TinyModel.Create().Transformer.WithLayers([0]).TrainingNoise);
    }

    [Fact]
    public void More_probabilities_than_a_tensor_holds_are_said_to_be_too_many()
    {
        const int Tokens = 46_342; // squared, above 2^31
        using Tensor q = Tensor.Parameter(Tokens, 1), k = Tensor.Parameter(Tokens, 1), v = Tensor.Parameter(Tokens, 1);
        using var tape = new Tape(records: false);
        string said = Assert.Throws<CapacityException>(() => Op.DroppedAttention(tape, q, k, v, new[] { 0, Tokens }, 1, 1, true, default, 0.1f, new Rng(1))).Message;
        Assert.Contains("shorten the texts", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Skipped_layers_get_no_gradient_and_the_share_is_as_asked()
    {
        Transformer model = TinyModel.Create(layers: 6).Transformer;
        var noise = new TrainingNoise(1) { Layers = 0.3f };
        model.TrainingNoise = noise;
        int skipped = 0;
        for (int update = 0; update < 100; update++)
        {
            using var tape = new Tape(records: true);
            noise.Begin(update, 0);
            model.Loss(tape, model.Forward(tape, new TokenBatch().Add([1, 2, 3])), [2, 3, 4]);
            tape.Backward();
            foreach ((string name, Tensor tensor) in model.Parameters())
            {
                if (name.EndsWith("q_proj.weight", StringComparison.Ordinal) && !tensor.HasGradient)
                    skipped++;
                if (tensor.HasGradient)
                    tensor.ClearGradient();
            }
        }
        Assert.InRange(skipped, 140, 220); // 600 · 0.3, four standard deviations
    }
}
