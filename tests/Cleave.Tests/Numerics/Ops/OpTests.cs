using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using static Cleave.Tests.Numerics.Ops.GradientCheck;

namespace Cleave.Tests.Numerics.Ops;

public class OpTests
{
    private static readonly int[] Offsets = [0, 3, 4, 9];

    [Fact]
    public void MeanSquaredError_gradients()
    {
        Tensor x = Random(5, 4, 1), w = Random(6, 4, 2);
        float[] aim = [.. Random(5, 6, 3).Data];
        CheckLoss([x, w], t => 3 * Op.MeanSquaredError(t, Op.Linear(t, x, w), aim, 3));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RelationDivergence_gradients(bool causal)
    {
        Tensor x = Random(9, 6, 1), y = Random(9, 10, 2);
        CheckLoss([x], t => 2 * Op.RelationDivergence(t, x, y, Offsets, 2, causal, 2));
        using var tape = new Tape(records: false);
        Assert.Equal(0, Op.RelationDivergence(tape, x, x, Offsets, 3, causal), 1e-9);
    }

    [Fact]
    public void Linear_gradients()
    {
        Tensor x = Random(5, 7, 1), w = Random(4, 7, 2), b = Random(1, 4, 3);
        Check([x, w, b], t => Op.Linear(t, x, w, b));
    }

    [Fact]
    public void MixRows_gradients()
    {
        Tensor x = Random(4, 5, 1);
        Check([x], t => Op.MixRows(t, x, new[] { 2, 1, 2, 0 }, new[] { 0.3f, 0.6f, 1f, 0f }));
    }

    [Fact]
    public void Embedding_gradients_add_up_for_repeated_ids()
    {
        Tensor table = Random(6, 3, 1);
        Check([table], t => Op.Embedding(t, new[] { 2, 0, 2, 5 }, table));
    }

    [Fact]
    public void RmsNorm_gradients()
    {
        Tensor x = Random(4, 9, 1), w = Random(1, 9, 2);
        Check([x, w], t => Op.RmsNorm(t, x, w, 1e-5f));
    }

    [Fact]
    public void SwiGlu_gradients()
    {
        Tensor gate = Random(3, 11, 1), up = Random(3, 11, 2);
        Check([gate, up], t => Op.SwiGlu(t, gate, up));
    }

    [Fact]
    public void RmsNorm_of_heads_gradients()
    {
        Tensor x = Random(4, 12, 1), w = Random(1, 4, 2);
        Check([x, w], t => Op.RmsNorm(t, x, w, 1e-5f));
    }

    [Fact]
    public void LayerNorm_gradients()
    {
        Tensor x = Random(4, 9, 1), w = Random(1, 9, 2), b = Random(1, 9, 3);
        Check([x, w, b], t => Op.LayerNorm(t, x, w, b, 1e-5f));
        Check([x, w], t => Op.LayerNorm(t, x, w, null, 1e-5f));
    }

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    public void Activation_gradients(Activation kind)
    {
        Tensor x = Random(3, 11, 1), up = Random(3, 11, 2);
        Check([x, up], t => Op.Multiply(t, Op.Activate(t, x, kind), up));
    }

    [Fact]
    public void Scale_and_cap_gradients()
    {
        Tensor x = Random(3, 11, 1);
        Check([x], t => Op.SoftCap(t, Op.Scale(t, x, 1.7f), 1.5f));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Experts_gradients(bool normalize)
    {
        Tensor x = Random(5, 4, 1), router = Random(3, 4, 2), gate = Random(1, 4, 3);
        Tensor[] experts = [Random(4, 4, 4), Random(4, 4, 5), Random(4, 4, 6)];
        Check([x, router, gate, .. experts], t =>
        {
            var chosen = new int[10];
            Tensor weights = Op.Route(t, Op.Linear(t, x, router), 2, normalize, chosen);
            ExpertPart[] parts = [.. experts.Select((w, e) => (w, Cells: Enumerable.Range(0, 10).Where(c => chosen[c] == e).ToArray())).Where(p => p.Cells.Length > 0)
                .Select(p => new ExpertPart(Op.Linear(t, Op.GatherRows(t, x, Array.ConvertAll(p.Cells, c => c / 2)), p.w), p.Cells))];
            return Op.SigmoidGate(t, Op.CombineExperts(t, weights, parts, 4), Op.Linear(t, x, gate));
        }, step: 1e-3f);
    }

    [Fact]
    public void Capped_logits_have_the_loss_and_gradient_of_the_ops_in_turn()
    {
        Tensor x = Random(140, 6, 1), w = Random(9, 6, 2);
        int[] targets = [.. Enumerable.Range(0, 140).Select(i => i % 10 - 1)];
        using var tape = new Tape(records: true);
        double whole = Op.CrossEntropy(tape, Op.SoftCap(tape, Op.Linear(tape, x, w), 2), targets);
        tape.Backward();
        float[] expected = [.. x.Gradient, .. w.Gradient];
        tape.Reset();
        x.ClearGradient();
        w.ClearGradient();
        Assert.Equal(whole, Op.LinearCrossEntropy(tape, x, w, targets, softCap: 2), 1e-6);
        tape.Backward();
        float[] actual = [.. x.Gradient, .. w.Gradient];
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-6f);
    }

    [Fact]
    public void A_tensor_used_twice_gets_both_gradients()
    {
        Tensor x = Random(3, 4, 1), w = Random(4, 4, 2);
        Check([x, w], t => Op.SwiGlu(t, Op.Add(t, x, Op.Linear(t, x, w)), x));
    }

    [Fact]
    public void Rotary_gradients()
    {
        Tensor x = Random(5, 8, 1), w = Random(8, 8, 2);
        var table = new RotaryTable(4, 10_000, 16);
        Check([x, w], t =>
        {
            Tensor q = Op.Linear(t, x, w);
            Op.Rotary(t, q, new[] { 0, 1, 2, 7, 3 }, 2, table);
            return Op.SwiGlu(t, q, q);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Attention_gradients_with_grouped_queries_and_ragged_sequences(bool causal)
    {
        Tensor q = Random(9, 4 * 6, 1), k = Random(9, 2 * 6, 2), v = Random(9, 2 * 6, 3);
        Check([q, k, v], t => Op.Attention(t, q, k, v, Offsets, 4, 2, causal));
    }

    [Fact]
    public void Attention_of_one_tensor_as_query_key_and_value()
    {
        Tensor x = Random(9, 8, 1);
        Check([x], t => Op.Attention(t, x, x, x, Offsets, 2, 2, causal: true), step: 3e-3f);
    }

    [Fact]
    public void Pool_gather_and_add_gradients()
    {
        Tensor x = Random(9, 5, 1), y = Random(3, 5, 2);
        Check([x, y], t => Op.Add(t, Op.MeanPool(t, Op.GatherRows(t, x, new[] { 0, 0, 3, 4, 5, 6, 7, 8, 1 }), Offsets), y));
    }

    [Fact]
    public void Cross_entropy_gradients_skip_and_smooth()
    {
        Tensor logits = Random(4, 6, 1);
        CheckLoss([logits], t => Op.CrossEntropy(t, logits, [2, -1, 0, 5], smoothing: 0.1f));
    }

    [Fact]
    public void Soft_cross_entropy_gradients()
    {
        Tensor logits = Random(2, 4, 1);
        CheckLoss([logits], t => Op.SoftCrossEntropy(t, logits, [0.1f, 0.2f, 0.3f, 0.4f, 1, 0, 0, 0], temperature: 2));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Chunked_cross_entropy_is_the_plain_one_with_its_gradients(bool biased)
    {
        const int N = 300, C = 8, V = 19; // more rows than one chunk
        Tensor x = Random(N, C, 1), w = Random(V, C, 2);
        int[] targets = [.. Enumerable.Range(0, N).Select(i => i % 7 == 0 ? -1 : i % V)];
        using var tape = new Tape(records: true);
        Tensor? b = biased ? Random(1, V, 3) : null;
        double chunked = Op.LinearCrossEntropy(tape, x, w, targets, bias: b);
        tape.Backward();
        float[] dx = x.Gradient.ToArray(), dw = w.Gradient.ToArray(), db = b is null ? [] : b.Gradient.ToArray();
        tape.Reset();
        b?.ClearGradient();
        x.ClearGradient();
        w.ClearGradient();
        double plain = Op.CrossEntropy(tape, Op.Linear(tape, x, w, b), targets);
        tape.Backward();
        Assert.Equal(plain, chunked, 6);
        AssertClose(x.Gradient.ToArray(), dx, 1e-6f);
        AssertClose(w.Gradient.ToArray(), dw, 1e-5f);
        if (b is not null)
            AssertClose(b.Gradient.ToArray(), db, 1e-6f);
    }

    [Fact]
    public void Dropout_keeps_the_mean_and_is_off_at_0()
    {
        Tensor x = Tensor.From([.. Enumerable.Repeat(1f, 100_000)], 1000, 100);
        using var tape = new Tape(records: true);
        Tensor y = Op.Dropout(tape, x, 0.25f, new Rng(1));
        Assert.InRange(y.Data.ToArray().Average(), 0.98, 1.02);
        Assert.Same(x, Op.Dropout(tape, x, 0, new Rng(1)));
    }

    [Fact]
    public void A_second_step_allocates_nothing()
    {
        Tensor x = Random(64, 16, 1), w = Random(16, 16, 2), norm = Random(1, 16, 3);
        using var tape = new Tape(records: true);
        int[] targets = new int[64];
        void Step()
        {
            Tensor h = Op.RmsNorm(tape, Op.Linear(tape, x, w), norm, 1e-5f);
            Op.LinearCrossEntropy(tape, Op.SwiGlu(tape, h, Op.Add(tape, h, x)), w, targets);
            tape.Backward();
            tape.Reset();
            x.ClearGradient();
            w.ClearGradient();
            norm.ClearGradient();
        }
        for (int i = 0; i < 3; i++)
            Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Step();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256);
    }

    [Fact]
    public void A_tensor_of_a_reset_tape_is_refused()
    {
        using var tape = new Tape(records: false);
        Tensor y = tape.New(2, 2);
        tape.Reset();
        Assert.Throws<ObjectDisposedException>(() => y.Data.Length);
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"{i}: {expected[i]} and {actual[i]}");
    }
}
