using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Numerics.Kernels;

public class PagedAttentionTests
{
    [Theory]
    [InlineData(1, 1, 8)]
    [InlineData(2, 1, 10)]
    [InlineData(6, 2, 32)]
    [InlineData(4, 1, 64)]
    [InlineData(5, 1, 16)]
    [InlineData(9, 3, 64)]
    [InlineData(6, 1, 80)]
    public void Decoding_is_attention_over_float16_keys_and_values(int heads, int kvHeads, int size)
    {
        int[] lengths = [1, 5, 16, 63, 64, 65, 255, 256, 257, 700];
        Sequence[] sequences = [.. lengths.Select((n, i) => new Sequence(kvHeads * size, n, (ulong)i))];
        float[] q = Reference.Random(lengths.Length * heads * size, 99), y = new float[q.Length];
        double[] expected = [.. sequences.SelectMany((s, i) => s.Attend(q.AsSpan(i * heads * size, heads * size), heads, kvHeads, size))];
        Variants.Each(where =>
        {
            KeyValuePages[] pages = [.. sequences.Select(s => s.Pages(kvHeads, size, counted: s.Positions - 1))];
            Attention.Decode(q, pages, 1, heads, y);
            Reference.Close(expected, y, Bounds.Attention, $"{where}{heads}/{kvHeads} heads of {size} ");
            foreach (KeyValuePages p in pages)
                p.Dispose();
        });
    }

    [Theory]
    [InlineData(1, 1, 8)]
    [InlineData(6, 2, 32)]
    [InlineData(9, 3, 64)]
    [InlineData(6, 1, 80)]
    public void Decoding_over_int8_is_attention_over_rounded_keys_and_values(int heads, int kvHeads, int size)
    {
        int[] lengths = [1, 16, 63, 65, 257, 700];
        Sequence[] sequences = [.. lengths.Select((n, i) => new Sequence(kvHeads * size, n, (ulong)i))];
        float[] q = Reference.Random(lengths.Length * heads * size, 99), y = new float[q.Length];
        double[] exact = [.. sequences.SelectMany((s, i) => s.Attend(q.AsSpan(i * heads * size, heads * size), heads, kvHeads, size))];
        foreach (Sequence s in sequences)
        {
            Round(s.Keys, size);
            Round(s.Values, size);
        }
        double[] expected = [.. sequences.SelectMany((s, i) => s.Attend(q.AsSpan(i * heads * size, heads * size), heads, kvHeads, size, rounded: true))];
        Variants.Each(where =>
        {
            KeyValuePages[] pages = [.. sequences.Select(s => s.Pages(kvHeads, size, counted: s.Positions - 1, KeyValueFormat.Int8))];
            Attention.Decode(q, pages, 1, heads, y);
            Reference.Close(expected, y, 5e-6, $"{where}{heads}/{kvHeads} heads of {size} ");
            Reference.Close(exact, y, 0.03, $"{where}rounding, {heads}/{kvHeads} heads of {size} ");
            foreach (KeyValuePages p in pages)
                p.Dispose();
        });
    }

    [Theory]
    [InlineData(0.2f, 0, 0)]
    [InlineData(0, 0.6f, 0)]
    [InlineData(0, 0, 1)]
    [InlineData(0, 0, 64)]
    [InlineData(0, 0, 70)]
    [InlineData(0.4f, 1.1f, 300)]
    public void Decoding_caps_scores_and_looks_back_as_far_as_the_window(float scale, float cap, int window)
    {
        int[] lengths = [1, 63, 64, 65, 134, 257, 700];
        var rule = new ScoreRule(scale, cap, window);
        Sequence[] sequences = [.. lengths.Select((n, i) => new Sequence(2 * 20, n, (ulong)i))];
        float[] q = Reference.Random(lengths.Length * 4 * 20, 99), y = new float[q.Length];
        double[] expected = [.. sequences.SelectMany((s, i) => s.Attend(q.AsSpan(i * 4 * 20, 4 * 20), 4, 2, 20, rule: rule))];
        Variants.Each(where =>
        {
            KeyValuePages[] pages = [.. sequences.Select(s => s.Pages(2, 20, counted: s.Positions - 1))];
            Attention.Decode(q, pages, 1, 4, y, rule);
            Reference.Close(expected, y, 5e-6, $"{where}{rule} ");
            foreach (KeyValuePages p in pages)
                p.Dispose();
        });
    }

    [Fact]
    public void Int8_pages_fork_and_come_back_as_they_were_rounded()
    {
        var s = new Sequence(2 * 10, 130, 4);
        using KeyValuePages pages = s.Pages(2, 10, counted: 130, KeyValueFormat.Int8), fork = pages.Fork();
        Assert.Equal(KeyValueFormat.Int8, fork.Format);
        Assert.Equal(3L * 64 * (16 + 4) * 2 * 2 * 2, pages.Bytes); // pages, positions, padded head and scale, heads, keys and values, layers
        float[] keys = new float[s.Keys.Length], values = new float[s.Keys.Length];
        fork.CopyTo(1, keys, values);
        Round(s.Keys, 10);
        Round(s.Values, 10);
        Reference.Close(Array.ConvertAll(s.Keys, k => (double)k), keys, 1e-6, "keys ");
        Reference.Close(Array.ConvertAll(s.Values, v => (double)v), values, 1e-6, "values ");
    }

    // What 8 bits with the scale of a head's largest element keep.
    private static void Round(float[] rows, int size)
    {
        for (int i = 0; i < rows.Length; i += size)
        {
            Span<float> x = rows.AsSpan(i, size);
            float largest = 0;
            foreach (float v in x)
                largest = Math.Max(largest, Math.Abs(v));
            foreach (ref float v in x)
                v = MathF.Round(v * (127 / largest)) * (largest / 127);
        }
    }

    [Fact]
    public void Large_scores_and_halves_of_every_size_are_right() => Variants.EachSet(where =>
    {
        // Keys from the smallest subnormal half to the largest; a query that makes scores of hundreds.
        var s = new Sequence(16, 70, 1);
        for (int i = 0; i < s.Keys.Length; i++)
            s.Keys[i] = (float)BitConverter.UInt16BitsToHalf((ushort)(i * 28 % 0x7C00 | (i % 2 == 0 ? 0 : 0x8000)));
        float[] q = Reference.Random(16, 3), y = new float[16];
        using KeyValuePages pages = s.Pages(1, 16, counted: 69);
        Attention.Decode(q, [pages], 1, 1, y);
        Reference.Close(s.Attend(q, 1, 1, 16), y, 1e-4, where);
    });

    [Fact]
    public void Sequences_that_do_not_fit_together_or_lack_the_newest_position_are_refused()
    {
        using KeyValuePages one = new Sequence(16, 70, 1).Pages(1, 16, counted: 69), other = new Sequence(16, 70, 1).Pages(2, 8, counted: 69);
        using var empty = new KeyValuePages([1, 1], 16);
        var x = new float[32];
        Assert.Throws<ArgumentException>(() => Attention.Decode(x, [one, other], 1, 1, x));
        Assert.Throws<ArgumentException>(() => Attention.Decode(x, [one, empty], 1, 1, x));
        Assert.Throws<ArgumentException>(() => Attention.Decode(x, [one], 1, 1, x));
    }

    [Fact]
    public void What_is_stored_comes_back_rounded_to_float16()
    {
        var s = new Sequence(2 * 10, 130, 4);
        using KeyValuePages pages = s.Pages(2, 10, counted: 130);
        float[] keys = new float[s.Keys.Length], values = new float[s.Keys.Length];
        pages.CopyTo(1, keys, values);
        Assert.Equal(s.Keys.Select(k => (float)(Half)k), keys);
        Assert.Equal(s.Values.Select(v => (float)(Half)v), values);
        Assert.Equal(3L * 64 * 16 * 2 * 2 * 2 * 2, pages.Bytes); // pages, positions, padded head, heads, keys and values, layers, bytes
    }

    [Fact]
    public void A_fork_shares_the_beginning_and_neither_sees_what_the_other_adds()
    {
        var s = new Sequence(8, 100, 5);
        using KeyValuePages first = s.Pages(1, 8, counted: 70);
        float[] before = Keys(first, 70);
        using KeyValuePages second = first.Fork();
        Append(second, s, 90, 5);
        Append(first, s, 80, 3);
        Assert.Equal((73, 75), (first.Length, second.Length));
        Assert.Equal(before, Keys(first, 70));
        Assert.Equal(before, Keys(second, 70));
        Assert.Equal(s.Keys[(80 * 8)..(83 * 8)].Select(k => (float)(Half)k), Keys(first, 73)[(70 * 8)..]);
        Assert.Equal(s.Keys[(90 * 8)..(95 * 8)].Select(k => (float)(Half)k), Keys(second, 75)[(70 * 8)..]);
        first.Dispose();
        Assert.Equal(before, Keys(second, 70));
    }

    [Fact]
    public void A_truncated_sequence_continues_from_where_it_was_cut()
    {
        var s = new Sequence(8, 200, 6);
        using KeyValuePages pages = s.Pages(1, 8, counted: 200);
        pages.Truncate(65);
        Append(pages, s, 190, 2);
        Assert.Equal([.. s.Keys[..(65 * 8)].Concat(s.Keys[(190 * 8)..(192 * 8)]).Select(k => (float)(Half)k)], Keys(pages, 67));
        Assert.Throws<ArgumentOutOfRangeException>(() => pages.Truncate(68));
    }

    [Fact]
    public void Threads_do_not_change_a_bit() => Variants.SameOnAnyThreads(() =>
    {
        var s = new Sequence(64, 900, 7);
        using KeyValuePages pages = s.Pages(2, 32, counted: 899);
        var y = new float[6 * 32];
        Attention.Decode(Reference.Random(6 * 32, 8), [pages], 1, 6, y);
        return y;
    });

    private static float[] Keys(KeyValuePages pages, int positions)
    {
        float[] keys = new float[positions * 8], values = new float[positions * 8];
        pages.CopyTo(1, keys, values);
        return keys;
    }

    private static void Append(KeyValuePages pages, Sequence s, int from, int count)
    {
        for (int layer = 0; layer < 2; layer++)
            pages.Append(layer, s.Keys.AsSpan(from * 8, count * 8), s.Values.AsSpan(from * 8, count * 8));
        pages.Advance(count);
    }

    private sealed class Sequence(int width, int positions, ulong seed)
    {
        public int Positions => positions;
        public float[] Keys { get; } = Reference.Random(width * positions, 2 * seed + 1);
        public float[] Values { get; } = Reference.Random(width * positions, 2 * seed + 2);

        /// <summary>Two layers' pages; the second holds the numbers, the first others. What is not counted is there already.</summary>
        public KeyValuePages Pages(int kvHeads, int size, int counted, KeyValueFormat format = KeyValueFormat.Float16)
        {
            var pages = new KeyValuePages([kvHeads, kvHeads], size, format);
            for (int at = 0; at < positions;)
            {
                int count = at < counted ? Math.Min(37, counted - at) : positions - at;
                pages.Append(0, Values.AsSpan(at * width, count * width), Keys.AsSpan(at * width, count * width));
                pages.Append(1, Keys.AsSpan(at * width, count * width), Values.AsSpan(at * width, count * width));
                at += count;
                if (at <= counted)
                    pages.Advance(count);
            }
            return pages;
        }

        /// <summary>The plain form, in double precision, over the rounded numbers.</summary>
        public double[] Attend(ReadOnlySpan<float> q, int heads, int kvHeads, int size, bool rounded = false, ScoreRule rule = default)
        {
            double scale = rule.Scale > 0 ? rule.Scale : 1 / Math.Sqrt(size);
            Func<float, double> stored = rounded ? x => x : x => (double)(Half)x;
            var y = new double[heads * size];
            for (int h = 0; h < heads; h++)
            {
                int at = h / (heads / kvHeads) * size;
                var scores = new double[positions];
                for (int p = 0; p < positions; p++)
                {
                    for (int d = 0; d < size; d++)
                        scores[p] += (double)q[h * size + d] * stored(Keys[p * width + at + d]) * scale;
                    if (rule.SoftCap > 0)
                        scores[p] = rule.SoftCap * Math.Tanh(scores[p] / rule.SoftCap);
                    if (rule.Window > 0 && positions - 1 - p >= rule.Window)
                        scores[p] = double.NegativeInfinity;
                }
                double max = scores.Max(), total = scores.Sum(s => Math.Exp(s - max));
                for (int p = 0; p < positions; p++)
                {
                    for (int d = 0; d < size; d++)
                        y[h * size + d] += Math.Exp(scores[p] - max) / total * stored(Values[p * width + at + d]);
                }
            }
            return y;
        }
    }
}
