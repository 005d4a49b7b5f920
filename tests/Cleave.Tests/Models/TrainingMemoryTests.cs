using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Models;

public class TrainingMemoryTests
{
    private static readonly TransformerSpec Spec = TransformerSpec.Uniform(vocabulary: 50, width: 32, layers: 4, heads: 4, kvHeads: 2, feedForward: 48, context: 24);

    [Fact]
    public void Recomputing_gives_the_same_loss_and_gradients_bit_for_bit()
    {
        (double loss, float[][] gradients, long bytes) = Step(default);
        (double again, float[][] recomputed, long fewer) = Step(new TrainingMemory(Recompute: true, BFloat16: false));
        Assert.Equal(loss, again);
        Assert.Equal(gradients.Length, recomputed.Length);
        for (int i = 0; i < gradients.Length; i++)
            Assert.True(gradients[i].AsSpan().SequenceEqual(recomputed[i]), $"parameter {i}");
        Assert.True(fewer < bytes * 2 / 3, $"{fewer} bytes instead of {bytes}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Activations_kept_in_bfloat16_leave_the_loss_and_barely_change_gradients(bool recompute)
    {
        (double loss, float[][] gradients, long bytes) = Step(new TrainingMemory(recompute, BFloat16: false));
        (double again, float[][] rounded, long fewer) = Step(new TrainingMemory(recompute, BFloat16: true));
        Assert.Equal(loss, again);
        Assert.True(fewer < bytes, $"{fewer} bytes instead of {bytes}");
        bool differ = false;
        for (int i = 0; i < gradients.Length; i++)
        {
            double difference = 0, norm = 0;
            for (int j = 0; j < gradients[i].Length; j++)
            {
                difference += Math.Pow(gradients[i][j] - rounded[i][j], 2);
                norm += Math.Pow(gradients[i][j], 2);
            }
            Assert.True(Math.Sqrt(difference / norm) < 0.02, $"parameter {i}: {Math.Sqrt(difference / norm)}");
            differ |= difference > 0;
        }
        Assert.True(differ);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void A_step_allocates_no_managed_memory(bool recompute, bool half)
    {
        using var run = new Run(new TrainingMemory(recompute, half));
        run.Once();
        run.Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        run.Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void A_tape_gives_everything_back(bool recompute, bool half)
    {
        using var run = new Run(new TrainingMemory(recompute, half));
        run.Once();
        Assert.NotEqual(0, run.Tape.HeldBytes);
        run.Tape.Dispose();
        Assert.Equal(0, run.Tape.HeldBytes);
    }

    private static (double Loss, float[][] Gradients, long Bytes) Step(TrainingMemory memory)
    {
        using var run = new Run(memory);
        double loss = run.Once();
        return (loss, [.. run.Model.Parameters().Select(p => p.Tensor.Gradient.ToArray())], run.Tape.HeldBytes);
    }

    private sealed class Run : IDisposable
    {
        private readonly TokenBatch _batch = new();
        private readonly Tensor _projection;

        public Run(TrainingMemory memory)
        {
            Model = Transformer.Create(Spec, Rng.For(5, "memory"));
            Model.TrainingMemory = memory;
            _projection = ((DenseLinear)Model.Output).Weight;
            Rng rng = Rng.For(6, "tokens");
            foreach (int length in new[] { 24, 7, 24, 24, 13 })
                _batch.Add([.. Enumerable.Range(0, length).Select(_ => rng.NextInt(Spec.VocabularySize))]);
        }

        public Transformer Model { get; }
        public Tape Tape { get; } = new(records: true);

        public double Once()
        {
            double loss = Op.LinearCrossEntropy(Tape, Model.Forward(Tape, _batch), _projection, _batch.Ids.Span);
            Tape.Backward();
            Tape.Reset();
            return loss;
        }

        public void Dispose() => Tape.Dispose();
    }
}
