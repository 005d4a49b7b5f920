using Cleave.Compression;
using Cleave.Compression.Calibration;
using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

/// <summary>What must not change a model does not change it, and what is measured is what flows through it.</summary>
public class EquivalenceTests
{
    private static readonly int[] Ids = [.. Enumerable.Range(0, 40).Select(i => (i * 37 + 11) % 257)];

    [Fact]
    public void Norms_folded_and_the_stream_rotated_compute_the_same()
    {
        Transformer model = Model();
        AssertSame(model, ResidualBasis.Fold(model));
        Transformer rotated = Rotation.Residual(model, seed: 3);
        Assert.False(rotated.Spec.TiedEmbeddings);
        AssertSame(model, rotated);
        Assert.NotEqual(((DenseLinear)model.Layers[0].Attention.Query).Weight.Data[0], ((DenseLinear)rotated.Layers[0].Attention.Query).Weight.Data[0]);
    }

    [Fact]
    public void Values_rotated_in_their_heads_compute_the_same()
    {
        Transformer model = Model(), rotated = DenseCopy.Of(model, "m");
        Rotation.Heads(rotated);
        AssertSame(model, rotated);
        Assert.NotEqual(((DenseLinear)model.Layers[0].Attention.Output).Weight.Data[1], ((DenseLinear)rotated.Layers[0].Attention.Output).Weight.Data[1]);
    }

    [Fact]
    public void Factors_moved_between_maker_and_reader_compute_the_same()
    {
        Transformer model = Model(), moved = DenseCopy.Of(model, "m");
        var random = new Rng(4);
        int groups = 0;
        for (int i = 0; i < moved.Layers.Count; i++)
        {
            foreach (ChannelGroup group in ChannelGroup.Of(moved.Layers[i], i))
            {
                group.Move([.. Enumerable.Range(0, group.Channels).Select(_ => Math.Exp(random.NextGaussian()))]);
                groups++;
            }
        }
        Assert.Equal(4 * moved.Layers.Count, groups);
        AssertSame(model, moved);
    }

    [Fact]
    public void Neurons_of_zeros_compute_the_same()
    {
        Transformer model = Model(), padded = WidthPadding.FeedForward(model, 96);
        Assert.All(padded.Spec.Layers, l => Assert.Equal(96, l.FeedForwardWidth));
        AssertSame(model, padded);
        Assert.Same(padded, WidthPadding.FeedForward(padded, 32));
    }

    [Fact]
    public void A_stream_of_all_its_components_computes_the_same_and_of_fewer_is_narrower()
    {
        Transformer model = Model();
        (Transformer whole, double all) = WidthPruner.Prune(model, 32, Text(), null, CancellationToken.None);
        Assert.Equal(1, all, 1e-9);
        AssertSame(model, whole, 1e-3);
        (Transformer narrow, double part) = WidthPruner.Prune(model, 24, Text(), null, CancellationToken.None);
        Assert.Equal(24, narrow.Spec.Width);
        Assert.InRange(part, 24.0 / 32, 1);
        Assert.All(Logits(narrow), v => Assert.True(float.IsFinite(v)));
    }

    /// <summary>A head reads the new stream as it read the old one; the table of tokens stays one.</summary>
    [Fact]
    public void Heads_follow_the_stream_that_they_read()
    {
        Transformer model = Model();
        var norm = new Rng(8);
        foreach (ref float w in model.FinalNorm!.Weight.Data)
            w = 1 + 0.3f * (float)norm.NextGaussian();
        TaskHead head = TaskHead.Create("task", HeadKind.Tag, ["a", "b", "c"], 32, new Rng(9));
        LanguageModel whole = WidthPruner.PruneForHeads(new LanguageModel(model, TinyModel.Tokenizer, [head]), 32, Text(), CancellationToken.None);
        Assert.True(whole.Transformer.Spec.TiedEmbeddings);
        float[] expected = Tags(model, head), actual = Tags(whole.Transformer, whole.Heads[0]);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-4f);
        LanguageModel narrow = WidthPruner.PruneForHeads(new LanguageModel(model, TinyModel.Tokenizer, [head]), 16, Text(), CancellationToken.None);
        Assert.Equal((16, 16), (narrow.Transformer.Spec.Width, narrow.Heads[0].Projection.Inputs));

        static float[] Tags(Transformer trunk, TaskHead head)
        {
            using var tape = new Tape(records: false);
            return head.Projection.Forward(tape, trunk.Forward(tape, new TokenBatch().Add(Ids))).Data.ToArray();
        }
    }

    /// <summary>Kinds of tokens and norms around the layers stay when layers are chosen.</summary>
    [Fact]
    public void An_encoder_with_all_of_its_layers_is_the_same()
    {
        Transformer model = TinyModel.CreateEncoder(layers: 2).Transformer, chosen = model.WithLayers([0, 1]);
        Assert.Equal(Hidden(model), Hidden(chosen));

        static float[] Hidden(Transformer m)
        {
            using var tape = new Tape(records: false);
            return m.Forward(tape, new TokenBatch().Add([5, 9, 17, 30], [0, 0, 1, 1])).Data.ToArray();
        }
    }

    [Fact]
    public void Whole_texts_calibrate_with_their_own_lengths_and_directions()
    {
        var text = new CalibrationText([[1, 2, 3], [4, 5], [], [6, 7, 8, 9], [1]], most: 8, least: 4) { Causal = false };
        Assert.Equal([3, 2, 4], text.Windows.Select(w => w.Length));
        Assert.Equal((4, 9), (text.Context, text.Tokens.Length));
        Transformer model = Model();
        double[] both = Seen(text), forward = Seen(new CalibrationText([[1, 2, 3], [4, 5], [6, 7, 8, 9]], most: 8, least: 4));
        Assert.NotEqual(both, forward); // what is behind a token counts where it is seen

        double[] Seen(CalibrationText of)
        {
            double[] last = [];
            new LayerStream(model, of).Run(products: false, layer =>
            {
                last = layer.Inputs.First().Value.MeanSquares();
                return false;
            }, "measure", null, CancellationToken.None);
            return last;
        }
    }

    /// <summary>A stream that really lies in fewer directions loses nothing with the others.</summary>
    [Fact]
    public void Directions_without_energy_can_go()
    {
        Transformer wide = Model(width: 32);
        // Embed the narrow model's stream in a wider one: rotate a padded copy.
        foreach ((string name, object weight) in wide.Weights())
        {
            if (weight is DenseLinear linear && (name.Contains("o_proj", StringComparison.Ordinal) || name.Contains("down_proj", StringComparison.Ordinal)))
                linear.Weight.Data[(24 * linear.Inputs)..].Clear();
            else if (name == WeightNames.Embedding && weight is DenseLinear table)
            {
                for (int r = 0; r < table.Outputs; r++)
                    table.Weight.Data.Slice(r * 32 + 24, 8).Clear();
            }
        }
        Transformer rotated = Rotation.Residual(wide, 5);
        (Transformer narrow, double energy) = WidthPruner.Prune(rotated, 24, Text(), null, CancellationToken.None);
        Assert.Equal(1, energy, 1e-6);
        AssertSame(rotated, narrow, 2e-3);
    }

    [Fact]
    public void A_layer_that_does_nothing_is_the_first_to_go()
    {
        Transformer model = Model(layers: 4);
        foreach (Linear linear in (Linear[])[model.Layers[2].Attention.Output, model.Layers[2].FeedForward!.Down])
            ((DenseLinear)linear).Weight.Data.Clear();
        foreach (LayerCriterion by in (LayerCriterion[])[LayerCriterion.Loss, LayerCriterion.Influence])
        {
            int[] kept = LayerPruner.Choose(model, 3, by, Text(), null, CancellationToken.None);
            if (by == LayerCriterion.Influence)
                Assert.Equal([0, 1, 3], kept);
            else
                Assert.Equal(3, kept.Length);
        }
        AssertSame(model, model.WithLayers([0, 1, 3]), 0);
        Assert.Equal([0, 1, 2], LayerPruner.Choose(model, 3, LayerCriterion.Position, Text(), null, CancellationToken.None));
    }

    /// <summary>Layer by layer the same numbers come by as in one pass, and nothing is left behind.</summary>
    [Fact]
    public void The_stream_sees_what_a_whole_pass_sees()
    {
        Transformer model = Model(), watched = DenseCopy.Of(model, "m");
        var whole = new Dictionary<string, InputStatistics>(StringComparer.Ordinal);
        watched.ReplaceLinears((name, linear) => name == WeightNames.Embedding ? linear : new ObservedLinear(linear, whole[name] = new InputStatistics(linear.Inputs, true)));
        CalibrationText text = Text();
        using var tape = new Tape(records: false);
        foreach (int[] window in text.Windows)
        {
            watched.Forward(tape, new TokenBatch().Add(window));
            tape.Reset();
        }
        object[] before = [.. model.Weights().Select(w => w.Weight)];
        int layers = 0;
        new LayerStream(model, text).Run(products: true, layer =>
        {
            layers++;
            foreach ((string name, InputStatistics inputs) in layer.Inputs.Where(i => i.Key != WeightNames.Embedding))
            {
                double[] expected = whole[name].Hessian(), actual = inputs.Hessian();
                double scale = expected.Max(v => Math.Abs(v));
                for (int i = 0; i < expected.Length; i++)
                    Assert.Equal(expected[i], actual[i], 1e-4 * scale);
                Assert.Equal(text.Tokens.Length, inputs.Tokens);
            }
            return false;
        }, "test", null, CancellationToken.None);
        Assert.Equal(model.Layers.Count + 1, layers);
        object[] after = [.. model.Weights().Select(w => w.Weight)];
        Assert.Equal(before, after);
    }

    [Fact]
    public void Layers_behind_a_changed_one_see_the_change()
    {
        Transformer model = Model();
        double first = 0, second = 0;
        new LayerStream(model, Text()).Run(products: false, layer =>
        {
            if (layer.Layer == 1)
                first = layer.Inputs[WeightNames.Query(1)].MeanSquares().Sum();
            return false;
        }, "test", null, CancellationToken.None);
        new LayerStream(model, Text()).Run(products: false, layer =>
        {
            if (layer.Layer == 0)
                ((DenseLinear)model.Layers[0].FeedForward!.Down).Weight.Data.Fill(1);
            if (layer.Layer == 1)
                second = layer.Inputs[WeightNames.Down(1)].MeanSquares().Sum();
            return layer.Layer == 0;
        }, "test", null, CancellationToken.None);
        Assert.True(first > 0 && second > 0);
        Transformer changed = DenseCopy.Of(model, "m");
        double expected = 0;
        new LayerStream(changed, Text()).Run(products: false, layer =>
        {
            if (layer.Layer == 1)
                expected = layer.Inputs[WeightNames.Down(1)].MeanSquares().Sum();
            return false;
        }, "test", null, CancellationToken.None);
        Assert.Equal(expected, second, 1e-6 * expected);
    }

    internal static CalibrationText Text() => new([.. Enumerable.Range(0, 512).Select(i => (i * i * 7 + i * 3) % 257)], 64, 512, 64);

    // Norms' weights differ from one another, or folding them would be no test.
    internal static Transformer Model(int layers = 3, int width = 32)
    {
        Transformer model = TinyModel.Create(layers, width).Transformer;
        var random = new Rng(8);
        foreach ((string name, Tensor tensor) in model.Parameters())
        {
            foreach (ref float w in tensor.Data)
                w = name.EndsWith("norm.weight", StringComparison.Ordinal) ? (float)(1 + 0.3 * random.NextGaussian()) : 5 * w;
        }
        return model;
    }

    private static void AssertSame(Transformer expected, Transformer actual, double tolerance = 2e-4)
    {
        float[] a = Logits(expected), b = Logits(actual);
        double scale = a.Max(v => Math.Abs(v));
        for (int i = 0; i < a.Length; i++)
            Assert.Equal(a[i], b[i], tolerance * scale);
    }

    internal static float[] Logits(Transformer model)
    {
        using var tape = new Tape(records: false);
        return model.Logits(tape, model.Forward(tape, new TokenBatch().Add(Ids))).Data.ToArray();
    }
}
