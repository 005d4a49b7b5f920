using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training;
using Cleave.Training.Distributed;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Tests.Training.Distributed;

/// <summary>So many ranks train what one does, to rounding, and all of them hold the same bits.</summary>
public sealed class DataParallelTests
{
    private const int Updates = 6, Accumulate = 4;

    [Theory]
    [InlineData("adam", 2, 1 << 20)]
    [InlineData("adam", 2, 1)]
    [InlineData("adam", 4, 3000)]
    [InlineData("sgd", 4, 1)]
    [InlineData("lamb", 2, 3000)]
    [InlineData("adafactor", 2, 3000)]
    [InlineData("muon", 4, 3000)]
    public void Any_number_of_ranks_trains_what_one_does(string rule, int ranks, int bucketFloats)
    {
        (float[][] expected, double[] losses) = Train(rule, OneProcess.Instance, bucketFloats);
        (float[][] Weights, double[] Losses)[] results = ThreadRanks.Run(ranks, r => Train(rule, r, bucketFloats));
        foreach ((float[][] weights, double[] own) in results)
        {
            Assert.Equal(results[0].Losses, own);
            for (int i = 0; i < weights.Length; i++)
            {
                Assert.Equal(results[0].Weights[i], weights[i]);
                Assert.InRange(Distance(expected[i], weights[i]), 0, 1e-5);
            }
            Assert.All(own.Zip(losses), l => Assert.Equal(l.Second, l.First, 1e-5 * l.Second));
        }
    }

    /// <summary>Layers that a micro-batch skips have their gradients from the other ranks alone, and in an update that skips them everywhere none.</summary>
    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 3000)]
    public void Ranks_that_skip_different_layers_agree(int ranks, int bucketFloats)
    {
        (float[][] expected, _) = Train("adam", OneProcess.Instance, bucketFloats, layerDrop: 0.6f);
        foreach ((float[][] weights, _) in ThreadRanks.Run(ranks, r => Train("adam", r, bucketFloats, layerDrop: 0.6f)))
            Assert.All(expected.Zip(weights), w => Assert.InRange(Distance(w.First, w.Second), 0, 1e-5));
    }

    [Fact]
    public void Each_rank_keeps_its_share_of_the_state_alone()
    {
        long[] held = ThreadRanks.Run(4, ranks =>
        {
            using var optimizer = new Optimizer(Group("adam", TinyModel.Create().Transformer), ranks);
            Assert.All(optimizer.State(), s => Assert.Equal(s.Owner == ranks.Rank, s.Buffer is not null));
            return optimizer.State().Sum(s => (long)(s.Buffer?.Length ?? 0));
        });
        using var whole = new Optimizer(Group("adam", TinyModel.Create().Transformer), OneProcess.Instance);
        long all = whole.State().Sum(s => (long)s.Buffer!.Length);
        Assert.Equal(all, held.Sum());
        Assert.True(held.Max() < all / 2, string.Join(' ', held));
    }

    /// <summary>Buckets of the last layers are on their way before the backward pass is over.</summary>
    [Fact]
    public void Gradients_travel_while_the_backward_pass_goes_on()
    {
        bool[] early = ThreadRanks.Run(2, ranks =>
        {
            Transformer model = TinyModel.Create().Transformer;
            using var optimizer = new Optimizer(Group("adam", model), ranks);
            using var exchange = new GradientExchange(optimizer, LayerPlaces.Of(model, optimizer.Parameters), 1);
            using var tape = new Tape(records: true);
            exchange.Watch(tape);
            Action<object> told = tape.Reached!;
            bool before = false;
            tape.Reached = place =>
            {
                told(place);
                if (!ReferenceEquals(place, model.Layers[0]))
                    return;
                // The last layer was told of long ago; the other rank's thread carries its part as soon as it comes there.
                before = SpinWait.SpinUntil(() => ranks.Log.Any(l => l.StartsWith("reduce", StringComparison.Ordinal)), TimeSpan.FromSeconds(20));
            };
            double loss = Loss(model, tape, 0, ranks.Rank);
            tape.Backward();
            exchange.Finish(tape, loss, CancellationToken.None);
            return before;
        });
        Assert.Equal([true, true], early);
    }

    [Fact]
    public void An_interrupted_rank_stops_all_of_them_behind_the_same_update()
    {
        int[] steps = ThreadRanks.Run(3, ranks =>
        {
            using var cancel = new CancellationTokenSource();
            Transformer model = TinyModel.Create().Transformer;
            using var optimizer = new Optimizer(Group("adam", model), ranks);
            Exception e = Assert.ThrowsAny<Exception>(() => new Trainer(optimizer, new CosineSchedule(1e-2, 1, Updates), 3).Run((tape, step, micro) => Loss(model, tape, step, micro), step =>
            {
                if (step.Step == 2 && ranks.Rank == 1)
                    cancel.Cancel();
                return true;
            }, cancel.Token));
            Assert.Equal(ranks.Rank == 1, e is OperationCanceledException);
            Assert.True(ranks.Rank == 1 || e is CleaveException && e.Message.Contains("--resume", StringComparison.Ordinal), e.Message);
            return optimizer.Step;
        });
        Assert.Equal([2, 2, 2], steps);
    }

    [Fact]
    public void A_loss_that_is_not_finite_on_one_rank_stops_all_of_them()
    {
        ThreadRanks.Run(2, ranks =>
        {
            Transformer model = TinyModel.Create().Transformer;
            using var optimizer = new Optimizer(Group("adam", model), ranks);
            DivergedException e = Assert.Throws<DivergedException>(() => new Trainer(optimizer, new CosineSchedule(1e-2, 1, Updates), 2)
                .Run((tape, step, micro) => Loss(model, tape, step, micro) + (step == 1 && ranks.Rank == 1 ? double.NaN : 0), _ => true));
            Assert.Equal(2, e.Update);
            return 0;
        });
    }

    [Fact]
    public void A_rank_that_fails_ends_the_others()
    {
        Assert.Equal("the disk is full", Assert.Throws<IOException>(() => ThreadRanks.Run(3, ranks =>
        {
            Transformer model = TinyModel.Create().Transformer;
            using var optimizer = new Optimizer(Group("adam", model), ranks);
            new Trainer(optimizer, new CosineSchedule(1e-2, 1, Updates), 3)
                .Run((tape, step, micro) => step == 1 && micro == 1 ? throw new IOException("the disk is full") : Loss(model, tape, step, micro), _ => true);
            return 0;
        })).Message);
    }

    [Fact]
    public void Micro_batches_that_cannot_be_dealt_evenly_are_refused()
    {
        Trainer.RequireEvenShares(7, OneProcess.Instance);
        ThreadRanks.Run(4, ranks =>
        {
            Trainer.RequireEvenShares(8, ranks);
            Assert.Equal("an update's 6 micro-batches cannot be dealt evenly to 4 processes: set accumulate to a multiple of 4, such as 8",
                Assert.Throws<CleaveException>(() => Trainer.RequireEvenShares(6, ranks)).Message);
            return 0;
        });
    }

    private static (float[][] Weights, double[] Losses) Train(string rule, ICollective ranks, int bucketFloats, float layerDrop = 0)
    {
        Transformer model = TinyModel.Create().Transformer;
        var noise = new TrainingNoise(3) { Layers = layerDrop };
        model.TrainingNoise = layerDrop > 0 ? noise : null;
        var losses = new List<double>();
        using var optimizer = new Optimizer(Group(rule, model), ranks);
        new Trainer(optimizer, new CosineSchedule(rule == "sgd" ? 0.5 : 1e-3, 1, Updates), Accumulate, LayerPlaces.Of(model, optimizer.Parameters)) { BucketFloats = bucketFloats }
            .Run((tape, step, micro) =>
            {
                noise.Begin(step, micro);
                return Loss(model, tape, step, micro);
            }, step =>
            {
                losses.Add(step.Loss);
                losses.Add(step.GradientNorm);
                return true;
            });
        return ([.. optimizer.Parameters.Select(p => p.Tensor.Data.ToArray())], [.. losses]);
    }

    private static double Loss(Transformer model, Tape tape, int step, int micro)
    {
        int first = 1 + step * 17 + micro * 5;
        int[] ids = [.. Enumerable.Range(first, 24).Select(i => i * i % model.Spec.VocabularySize)];
        return model.Loss(tape, model.Forward(tape, new TokenBatch().Add(ids.AsSpan(0, 20)).Add(ids.AsSpan(4, 12))), [.. ids.AsSpan(1, 20), .. ids.AsSpan(5, 12)], weight: 1f / Accumulate);
    }

    private static ParameterGroup[] Group(string rule, Transformer model) => [new ParameterGroup([.. model.Parameters()], rule switch
    {
        "sgd" => new Sgd(),
        "lamb" => new Lamb(),
        "adafactor" => new Adafactor(),
        "muon" => new Muon(),
        _ => new Adam(),
    }) { WeightDecay = 0.1f }];

    private static double Distance(float[] expected, float[] actual) =>
        Math.Sqrt(expected.Zip(actual, (e, a) => Math.Pow((double)e - a, 2)).Sum() / Math.Max(1e-12, expected.Sum(e => (double)e * e)));
}
