using System.Text.Json;
using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

/// <summary>Scores with a bias of distances, and sequences that look at others, against the formulas in double precision.</summary>
public class RelativeAttentionTests
{
    private static readonly (int Heads, int KvHeads, int Size, int[] Lengths)[] Shapes =
        [(2, 1, 3, [4, 0, 2]), (4, 2, 16, [5, 17, 1, 31]), (2, 2, 20, [200]), (1, 1, 32, [330, 3])];

    /// <summary>Reaches shorter and longer than the sequences and the kernels' blocks, alone and with caps and windows.</summary>
    [Fact]
    public void A_bias_of_distances_and_its_gradient_match_the_formula()
    {
        (int Reach, ScoreRule Rule)[] rules = [(1, new(1)), (5, default), (70, new(1)), (400, new(1)), (3, new(0.5f, 0.9f)), (6, new(1, Window: 9))];
        foreach ((int heads, int kvHeads, int size, int[] lengths) in Shapes)
        {
            foreach ((bool causal, int reach, ScoreRule rule) in rules.SelectMany(r => new[] { (true, r.Reach, r.Rule), (false, r.Reach, r.Rule) }))
            {
                var x = new Input(heads, kvHeads, size, lengths, lengths, causal, rule, reach);
                Answer e = x.Expected();
                Variants.EachSet(where =>
                {
                    float[] y = new float[x.Q.Length], l = new float[y.Length / size];
                    Attention.Forward(x.Q, x.K, x.V, x.Offsets, heads, kvHeads, size, causal, y, l, rule, x.Bias);
                    Reference.Close(e.Y, y, Bounds.Attention, $"{where}{x} y ");
                    float[] dq = Reference.Random(y.Length, 5), dk = Reference.Random(x.K.Length, 6), dv = Reference.Random(x.K.Length, 7), db = Reference.Random(x.Bias.Length, 8);
                    Attention.Backward(x.Dy, x.Q, x.K, x.V, y, l, x.Offsets, heads, kvHeads, size, causal, dq, dk, dv, rule, x.Bias, db);
                    Reference.Close(e.Dq, dq, Bounds.Attention, $"{where}{x} dq ");
                    Reference.Close(e.Dk, dk, Bounds.Attention, $"{where}{x} dk ");
                    Reference.Close(e.Dv, dv, Bounds.Attention, $"{where}{x} dv ");
                    Reference.Close(e.DBias, db, 2 * Bounds.Attention, $"{where}{x} dBias ");
                    if (!causal || lengths.Length > 1)
                        return;
                    int from = lengths[0] / 2 * heads * size;
                    float[] end = new float[y.Length - from];
                    Attention.ForwardCached(x.Q.AsSpan(from), x.K, x.V, heads, kvHeads, size, end, rule, x.Bias);
                    Reference.Close(e.Y.AsSpan(from), end, Bounds.Attention, $"{where}{x} cached ");
                });
            }
        }
    }

    [Fact]
    public void Looking_at_other_sequences_and_its_gradient_match_the_formula()
    {
        (int Heads, int KvHeads, int Size, int[] Queries, int[] Keys)[] cases =
            [(2, 1, 3, [4, 0, 2], [1, 2, 9]), (4, 2, 16, [1, 70], [200, 3]), (3, 3, 20, [30], [135]), (1, 1, 64, [131, 2], [1, 131])];
        foreach ((int heads, int kvHeads, int size, int[] queries, int[] keys) in cases)
        {
            foreach (ScoreRule rule in new ScoreRule[] { new(1), new(0.4f, 1.2f) })
            {
                var x = new Input(heads, kvHeads, size, queries, keys, causal: false, rule, reach: 0);
                Answer e = x.Expected();
                Variants.Each(where =>
                {
                    float[] y = new float[x.Q.Length], l = new float[y.Length / size];
                    Attention.ForwardAcross(x.Q, x.K, x.V, x.Offsets, x.KeyOffsets, heads, kvHeads, size, y, l, rule);
                    Reference.Close(e.Y, y, Bounds.Attention, $"{where}{x} y ");
                    float[] dq = Reference.Random(y.Length, 5), dk = Reference.Random(x.K.Length, 6), dv = Reference.Random(x.K.Length, 7);
                    // Of a key that is alone every term is 0 but for rounding, and there are as many as queries.
                    Attention.BackwardAcross(x.Dy, x.Q, x.K, x.V, y, l, x.Offsets, x.KeyOffsets, heads, kvHeads, size, dq, dk, dv, rule);
                    Reference.Close(e.Dq, dq, Bounds.Attention, $"{where}{x} dq ");
                    Reference.Close(e.Dk, dk, 3 * Bounds.Attention, $"{where}{x} dk ");
                    Reference.Close(e.Dv, dv, Bounds.Attention, $"{where}{x} dv ");
                });
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(300)]
    public void Decoding_adds_the_bias_and_looks_at_the_source(int positions)
    {
        foreach (KeyValueFormat format in Enum.GetValues<KeyValueFormat>())
        {
            var self = new Input(4, 2, 16, [positions], [positions], causal: true, new(1), reach: 40);
            var across = new Input(4, 2, 16, [1], [positions], causal: false, new(1), reach: 0);
            Variants.Each(where =>
            {
                using var source = new KeyValuePages([2], 16, format);
                source.Append(0, across.K, across.V);
                source.Advance(positions);
                using var pages = new KeyValuePages([2], 16, format) { Source = source.Fork() };
                pages.Append(0, self.K, self.V);
                pages.Advance(positions - 1);
                // Against what the pages hold, rounded as they hold it.
                pages.CopyTo(0, self.K, self.V);
                source.CopyTo(0, across.K, across.V);
                var y = new float[4 * 16];
                Attention.Decode(self.Q.AsSpan(^y.Length), [pages], 0, 4, y, new ScoreRule(1), self.Bias);
                Reference.Close(self.Expected().Y.AsSpan(^y.Length), y, Bounds.Attention, $"{where}{self} {format} ");
                Attention.DecodeAcross(across.Q, [pages], 0, 4, y, new ScoreRule(1));
                Reference.Close(across.Expected().Y, y, Bounds.Attention, $"{where}{across} {format} ");
            });
        }
    }

    [Fact]
    public void Threads_do_not_change_a_bit_of_a_biass_gradient() => Variants.SameOnAnyThreads(() =>
    {
        var x = new Input(4, 2, 32, [40, 60, 30], [40, 60, 30], causal: false, new(1), reach: 20);
        float[] y = new float[x.Q.Length], l = new float[y.Length / 32], dq = new float[y.Length], dk = new float[x.K.Length], dv = new float[x.K.Length], db = new float[x.Bias.Length];
        Attention.Forward(x.Q, x.K, x.V, x.Offsets, 4, 2, 32, false, y, l, new(1), x.Bias);
        Attention.Backward(x.Dy, x.Q, x.K, x.V, y, l, x.Offsets, 4, 2, 32, false, dq, dk, dv, new(1), x.Bias, db);
        return [.. y, .. dq, .. db];
    });

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        float[] x = new float[8], l = new float[2];
        Assert.Throws<ArgumentException>(() => Attention.Forward(x, x, x, [0, 2], 1, 1, 4, true, x, l, default, new float[4])); // not 2R + 1
        Assert.Throws<ArgumentException>(() => Attention.ForwardAcross(x, x, x, [0, 2], [0, 1, 2], 1, 1, 4, x, l));
        Assert.Throws<ArgumentException>(() => Attention.ForwardAcross(x, x, x, [0, 1, 2], [0, 0, 2], 1, 1, 4, x, l)); // nothing to look at
        Assert.Throws<ArgumentException>(() => Attention.ForwardAcross(x, x, x, [0, 2], [0, 2], 1, 1, 4, x, l, new(Window: 2)));
        using var alone = new KeyValuePages([1], 4);
        Assert.Throws<ArgumentException>(() => Attention.DecodeAcross(new float[4], [alone], 0, 1, new float[4]));
    }

    [Fact]
    public void Buckets_are_PyTorchs()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "t5", "buckets.json")));
        foreach (JsonElement each in golden.RootElement.EnumerateArray())
        {
            var buckets = new RelativeBuckets(each.GetProperty("buckets").GetInt32(), each.GetProperty("longest").GetInt32(), each.GetProperty("both").GetBoolean());
            int[] of = [.. each.GetProperty("of").EnumerateArray().Select(b => b.GetInt32())]; // distances −300 to 300
            for (int d = -300; d <= 300; d++)
                Assert.True(of[d + 300] == buckets.ByDistance[Math.Clamp(d, -buckets.Reach, buckets.Reach) + buckets.Reach], $"{each.GetProperty("buckets")} {each.GetProperty("longest")} {buckets.Bidirectional}: {d}");
        }
    }

    [Theory]
    [InlineData(3, 128, true)]
    [InlineData(32, 8, true)]
    [InlineData(32, 16, false)]
    [InlineData(32, int.MaxValue, true)]
    [InlineData(int.MaxValue, int.MaxValue, false)]
    [InlineData(32, -1, false)]
    public void Impossible_buckets_are_refused(int count, int longest, bool both)
    {
        Assert.NotNull(RelativeBuckets.Problem(count, longest, both));
        Assert.Throws<ArgumentException>(() => new RelativeBuckets(count, longest, both));
    }

    private sealed record Answer(double[] Y, double[] Dq, double[] Dk, double[] Dv, double[] DBias);

    private sealed class Input
    {
        private readonly int _heads, _kvHeads, _size, _reach;
        private readonly bool _causal;
        private readonly ScoreRule _rule;

        public Input(int heads, int kvHeads, int size, int[] queries, int[] keys, bool causal, ScoreRule rule, int reach)
        {
            (_heads, _kvHeads, _size, _causal, _rule, _reach) = (heads, kvHeads, size, causal, rule, reach);
            Offsets = [0, .. queries.Select((_, i) => queries[..(i + 1)].Sum())];
            KeyOffsets = [0, .. keys.Select((_, i) => keys[..(i + 1)].Sum())];
            Q = Reference.Random(Offsets[^1] * heads * size, 1, 0.5f);
            K = Reference.Random(KeyOffsets[^1] * kvHeads * size, 2, 0.5f);
            V = Reference.Random(K.Length, 3);
            Dy = Reference.Random(Q.Length, 4);
            Bias = reach == 0 ? [] : Reference.Random(heads * (2 * reach + 1), 9);
        }

        public int[] Offsets { get; }
        public int[] KeyOffsets { get; }
        public float[] Q { get; }
        public float[] K { get; }
        public float[] V { get; }
        public float[] Dy { get; }
        public float[] Bias { get; }

        public override string ToString() => $"H {_heads} G {_kvHeads} D {_size} T {string.Join(',', Offsets)} S {string.Join(',', KeyOffsets)} causal {_causal} reach {_reach} {_rule}";

        public Answer Expected()
        {
            var e = new Answer(new double[Q.Length], new double[Q.Length], new double[K.Length], new double[K.Length], new double[Bias.Length]);
            for (int s = 0; s + 1 < Offsets.Length; s++)
            {
                for (int i = 0; i < Offsets[s + 1] - Offsets[s]; i++)
                {
                    int count = _causal ? i + 1 : KeyOffsets[s + 1] - KeyOffsets[s];
                    int[] keys = [.. Enumerable.Range(0, count).Where(j => _rule.Window == 0 || Math.Abs(i - j) < _rule.Window)];
                    for (int h = 0; h < _heads; h++)
                        Row(e, s, i, h, keys);
                }
            }
            return e;
        }

        private void Row(Answer e, int s, int i, int h, int[] keys)
        {
            int at = ((Offsets[s] + i) * _heads + h) * _size;
            int Key(int j) => ((KeyOffsets[s] + j) * _kvHeads + h / (_heads / _kvHeads)) * _size;
            int Place(int j) => h * (2 * _reach + 1) + _reach + Math.Clamp(j - i, -_reach, _reach);
            double scale = _rule.Scale > 0 ? _rule.Scale : 1 / Math.Sqrt(_size), cap = _rule.SoftCap;
            double[] capped = [.. keys.Select(j =>
            {
                double score = scale * Enumerable.Range(0, _size).Sum(d => (double)Q[at + d] * K[Key(j) + d]);
                return cap > 0 ? cap * Math.Tanh(score / cap) : score;
            })];
            double[] scores = [.. capped.Select((t, n) => Bias.Length > 0 ? t + Bias[Place(keys[n])] : t)];
            double top = scores.Max(), sum = scores.Sum(z => Math.Exp(z - top)), mean = 0;
            double[] p = [.. scores.Select(z => Math.Exp(z - top) / sum)], dp = new double[p.Length];
            for (int n = 0; n < keys.Length; n++)
            {
                for (int d = 0; d < _size; d++)
                {
                    e.Y[at + d] += p[n] * V[Key(keys[n]) + d];
                    e.Dv[Key(keys[n]) + d] += p[n] * Dy[at + d];
                    dp[n] += (double)Dy[at + d] * V[Key(keys[n]) + d];
                }
                mean += p[n] * dp[n];
            }
            for (int n = 0; n < keys.Length; n++)
            {
                double g = p[n] * (dp[n] - mean), ds = g * scale * (cap > 0 ? 1 - Math.Pow(capped[n] / cap, 2) : 1);
                if (Bias.Length > 0)
                    e.DBias[Place(keys[n])] += g;
                for (int d = 0; d < _size; d++)
                {
                    e.Dq[at + d] += ds * K[Key(keys[n]) + d];
                    e.Dk[Key(keys[n]) + d] += ds * Q[at + d];
                }
            }
        }
    }
}
