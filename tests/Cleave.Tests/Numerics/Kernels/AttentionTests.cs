using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class AttentionTests
{
    private static readonly (int Heads, int KvHeads, int Size, int[] Lengths)[] Cases =
    [
        (1, 1, 1, [1]),
        (2, 1, 3, [4, 0, 2]),
        (4, 2, 16, [5, 17, 1, 31]),
        (2, 2, 32, [20, 24, 25]),
        (3, 1, 20, [135]), // a padded head size over two key blocks
        (1, 1, 64, [131]),
    ];

    [Fact]
    public void Forward_and_backward_match_the_formula()
    {
        foreach ((int heads, int kvHeads, int size, int[] lengths) in Cases)
        {
            foreach (bool causal in new[] { false, true })
            {
                var x = new Input(heads, kvHeads, size, lengths, causal);
                (double[] ey, double[] el) = x.Expected(x.Wide(x.Q), x.Wide(x.K), x.Wide(x.V));
                (double[] eq, double[] ek, double[] ev) = x.ExpectedGradients();
                Variants.Each(where =>
                {
                    (float[] y, float[] logSumExp) = x.Forward();
                    Reference.Close(ey, y, Bounds.Attention, $"{where}{x} y ");
                    Reference.Close(el, logSumExp, Bounds.Attention, $"{where}{x} logSumExp ");
                    (float[] dq, float[] dk, float[] dv) = x.Backward();
                    Reference.Close(eq, dq, Bounds.Attention, $"{where}{x} dq ");
                    Reference.Close(ek, dk, Bounds.Attention, $"{where}{x} dk ");
                    Reference.Close(ev, dv, Bounds.Attention, $"{where}{x} dv ");
                });
            }
        }
    }

    /// <summary>Windows that begin and end within blocks and beyond them, caps, and another scale, alone and together.</summary>
    [Fact]
    public void Capped_and_windowed_scores_match_the_formula()
    {
        (int, int, int, int[])[] cases = [(2, 1, 8, [1, 5, 40]), (2, 2, 20, [200]), (1, 1, 32, [330, 3])];
        ScoreRule[] rules = [new(0.3f), new(0, 1.5f), new(Window: 1), new(Window: 7), new(Window: 65), new(0.5f, 0.7f, 129), new(Window: 1000)];
        foreach ((int heads, int kvHeads, int size, int[] lengths) in cases)
        {
            foreach ((bool causal, ScoreRule rule) in rules.SelectMany(r => new[] { (true, r), (false, r) }))
            {
                var x = new Input(heads, kvHeads, size, lengths, causal, rule);
                (double[] ey, double[] el) = x.Expected(x.Wide(x.Q), x.Wide(x.K), x.Wide(x.V));
                (double[] eq, double[] ek, double[] ev) = x.ExpectedGradients();
                Variants.EachSet(where =>
                {
                    (float[] y, float[] logSumExp) = x.Forward();
                    Reference.Close(ey, y, Bounds.Attention, $"{where}{x} y ");
                    Reference.Close(el, logSumExp, Bounds.Attention, $"{where}{x} logSumExp ");
                    (float[] dq, float[] dk, float[] dv) = x.Backward();
                    Reference.Close(eq, dq, Bounds.Attention, $"{where}{x} dq ");
                    Reference.Close(ek, dk, Bounds.Attention, $"{where}{x} dk ");
                    Reference.Close(ev, dv, Bounds.Attention, $"{where}{x} dv ");
                    if (!causal || lengths.Length > 1)
                        return;
                    int from = lengths[0] / 2 * heads * size;
                    float[] end = new float[y.Length - from];
                    Attention.ForwardCached(x.Q.AsSpan(from), x.K, x.V, heads, kvHeads, size, end, rule);
                    Reference.Close(ey.AsSpan(from), end, Bounds.Attention, $"{where}{x} cached ");
                });
            }
        }
    }

    [Fact]
    public void Backward_agrees_with_differences() => Variants.EachSet(where =>
    {
        var x = new Input(2, 1, 4, [3, 5], causal: true, new ScoreRule(0.8f, 1.2f, 3));
        (float[] dq, float[] dk, float[] dv) = x.Backward();
        double Loss(double[] q, double[] k, double[] v) => x.Expected(q, k, v).Y.Zip(x.Dy, (a, b) => a * b).Sum();
        double[] q0 = x.Wide(x.Q), k0 = x.Wide(x.K), v0 = x.Wide(x.V);
        Reference.Gradient(p => Loss(p, k0, v0), x.Q, dq, 1e-5, where + "dq");
        Reference.Gradient(p => Loss(q0, p, v0), x.K, dk, 1e-5, where + "dk");
        Reference.Gradient(p => Loss(q0, k0, p), x.V, dv, 1e-5, where + "dv");
    });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(1, 300)]
    [InlineData(3, 50)]
    [InlineData(9, 9)]
    [InlineData(20, 150)]
    public void The_cached_form_is_the_end_of_the_whole(int queries, int positions)
    {
        foreach ((int heads, int kvHeads, int size) in new[] { (4, 2, 32), (3, 1, 10) })
        {
            var x = new Input(heads, kvHeads, size, [positions], causal: true);
            double[] whole = x.Expected(x.Wide(x.Q), x.Wide(x.K), x.Wide(x.V)).Y;
            int from = (positions - queries) * heads * size;
            float[] y = new float[whole.Length - from];
            Variants.Each(where =>
            {
                Attention.ForwardCached(x.Q.AsSpan(from), x.K, x.V, heads, kvHeads, size, y);
                Reference.Close(whole.AsSpan(from), y, Bounds.Attention, $"{where}{x} ");
            });
        }
    }

    [Fact]
    public void Threads_do_not_change_a_bit() => Variants.SameOnAnyThreads(() =>
    {
        var x = new Input(4, 2, 32, [40, 60, 30], causal: true);
        (float[] dq, float[] dk, float[] dv) = x.Backward();
        return [.. dq, .. dk, .. dv];
    });

    [Fact]
    public void Huge_scores_do_not_overflow() => Variants.EachSet(_ =>
    {
        float[] q = [200, 0], k = [200, 0, -200, 0, 200, 0], v = [1, 2, 3, 4, 5, 6], y = new float[2];
        Attention.ForwardCached(q, k, v, 1, 1, 2, y);
        Reference.Close([3, 4], y, 1e-6);
    });

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        float[] x = new float[8], l = new float[2];
        Assert.Throws<ArgumentException>(() => Attention.Forward(x, x, x, [0, 1], 1, 1, 4, true, x, l));
        Assert.Throws<ArgumentException>(() => Attention.Forward(x, x, x, [0, 3, 2], 1, 1, 4, true, x, l));
        Assert.Throws<ArgumentException>(() => Attention.Forward(x, x, x, [0, 2], 3, 2, 4, true, x, l));
        Assert.Throws<ArgumentException>(() => Attention.Forward(x, x, x, [0, 2], 1, 1, 4, true, x, new float[1]));
        Assert.Throws<ArgumentException>(() => Attention.ForwardCached(x, new float[4], new float[4], 1, 1, 4, x));
    }

    private sealed class Input
    {
        private readonly int _heads, _kvHeads, _size;
        private readonly int[] _offsets;
        private readonly bool _causal;
        private readonly ScoreRule _rule;

        public Input(int heads, int kvHeads, int size, int[] lengths, bool causal, ScoreRule rule = default)
        {
            _rule = rule;
            (_heads, _kvHeads, _size, _causal) = (heads, kvHeads, size, causal);
            _offsets = [0, .. lengths.Select((_, i) => lengths[..(i + 1)].Sum())];
            Q = Reference.Random(_offsets[^1] * heads * size, 1);
            K = Reference.Random(_offsets[^1] * kvHeads * size, 2);
            V = Reference.Random(K.Length, 3);
            Dy = Reference.Random(Q.Length, 4);
        }

        public float[] Q { get; }
        public float[] K { get; }
        public float[] V { get; }
        public float[] Dy { get; }

        public double[] Wide(float[] x) => [.. x.Select(v => (double)v)];

        public override string ToString() => $"H {_heads} G {_kvHeads} D {_size} T {string.Join(',', _offsets)} causal {_causal} {_rule}";

        public (float[] Y, float[] LogSumExp) Forward()
        {
            float[] y = new float[Q.Length], l = new float[_offsets[^1] * _heads];
            Attention.Forward(Q, K, V, _offsets, _heads, _kvHeads, _size, _causal, y, l, _rule);
            return (y, l);
        }

        public (float[] Dq, float[] Dk, float[] Dv) Backward()
        {
            (float[] y, float[] l) = Forward();
            float[] dq = Reference.Random(Q.Length, 5), dk = Reference.Random(K.Length, 6), dv = Reference.Random(V.Length, 7);
            Attention.Backward(Dy, Q, K, V, y, l, _offsets, _heads, _kvHeads, _size, _causal, dq, dk, dv, _rule);
            return (dq, dk, dv);
        }

        public (double[] Y, double[] LogSumExp) Expected(double[] q, double[] k, double[] v)
        {
            double[] y = new double[q.Length], logSumExp = new double[q.Length / _size];
            Visit((i, h, keys) =>
            {
                double[] p = Probabilities(q, k, i, h, keys, out double l);
                logSumExp[i * _heads + h] = l;
                for (int d = 0; d < _size; d++)
                {
                    for (int n = 0; n < keys.Length; n++)
                        y[(i * _heads + h) * _size + d] += p[n] * v[Key(keys[n], h) + d];
                }
            });
            return (y, logSumExp);
        }

        public (double[] Dq, double[] Dk, double[] Dv) ExpectedGradients()
        {
            double[] q = Wide(Q), k = Wide(K), v = Wide(V), dq = new double[q.Length], dk = new double[k.Length], dv = new double[v.Length];
            Visit((i, h, keys) =>
            {
                int at = (i * _heads + h) * _size;
                double[] p = Probabilities(q, k, i, h, keys, out double _), dp = new double[p.Length];
                for (int n = 0; n < keys.Length; n++)
                {
                    for (int d = 0; d < _size; d++)
                    {
                        dp[n] += Dy[at + d] * v[Key(keys[n], h) + d];
                        dv[Key(keys[n], h) + d] += p[n] * Dy[at + d];
                    }
                }
                double mean = p.Zip(dp, (a, b) => a * b).Sum();
                for (int n = 0; n < keys.Length; n++)
                {
                    double ds = p[n] * (dp[n] - mean) * Slope(q, k, i, h, keys[n]) * Scale;
                    for (int d = 0; d < _size; d++)
                    {
                        dq[at + d] += ds * k[Key(keys[n], h) + d];
                        dk[Key(keys[n], h) + d] += ds * q[at + d];
                    }
                }
            });
            return (dq, dk, dv);
        }

        private int Key(int row, int head) => (row * _kvHeads + head / (_heads / _kvHeads)) * _size;

        private void Visit(Action<int, int, int[]> row)
        {
            for (int s = 0; s + 1 < _offsets.Length; s++)
            {
                for (int i = _offsets[s]; i < _offsets[s + 1]; i++)
                {
                    for (int h = 0; h < _heads; h++)
                    {
                        row(i, h, [.. Enumerable.Range(_offsets[s], (_causal ? i + 1 : _offsets[s + 1]) - _offsets[s])
                            .Where(j => _rule.Window == 0 || Math.Abs(i - j) < _rule.Window)]);
                    }
                }
            }
        }

        private double Scale => _rule.Scale > 0 ? _rule.Scale : 1 / Math.Sqrt(_size);

        private double Score(double[] q, double[] k, int i, int h, int key)
        {
            double score = 0;
            for (int d = 0; d < _size; d++)
                score += q[(i * _heads + h) * _size + d] * k[Key(key, h) + d];
            return score * Scale;
        }

        private double Slope(double[] q, double[] k, int i, int h, int key) =>
            _rule.SoftCap > 0 ? 1 - Math.Pow(Math.Tanh(Score(q, k, i, h, key) / _rule.SoftCap), 2) : 1;

        private double[] Probabilities(double[] q, double[] k, int i, int h, int[] keys, out double logSumExp)
        {
            double[] scores = [.. keys.Select(key => Score(q, k, i, h, key))];
            if (_rule.SoftCap > 0)
                scores = [.. scores.Select(x => _rule.SoftCap * Math.Tanh(x / _rule.SoftCap))];
            double log = logSumExp = Math.Log(scores.Sum(Math.Exp));
            return [.. scores.Select(x => Math.Exp(x - log))];
        }
    }
}
