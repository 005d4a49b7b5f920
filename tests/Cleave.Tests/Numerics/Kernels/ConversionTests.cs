using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class ConversionTests
{
    [Fact]
    public void Every_half_and_every_bfloat16_widens_exactly() => Variants.Each(where =>
    {
        ushort[] bits = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        Half[] halves = [.. bits.Select(BitConverter.UInt16BitsToHalf)];
        float[] wide = new float[65536];
        Conversion.HalfToFloat(halves, wide);
        for (int i = 0; i < 65536; i++)
            Assert.True(Same((float)halves[i], wide[i]), $"{where}half {i:x}: {wide[i]:r}");
        Conversion.BFloat16ToFloat(bits, wide);
        for (int i = 0; i < 65536; i++)
            Assert.Equal((uint)i << 16, BitConverter.SingleToUInt32Bits(wide[i]));
    });

    [Fact]
    public void Narrowing_rounds_to_nearest_even() => Variants.Each(where =>
    {
        // Around every half: itself, the middle to the next one, and one unit to either side of both.
        var values = new List<float>();
        for (int i = 0; i < 0x7C00; i++)
        {
            float low = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            float high = i + 1 < 0x7C00 ? (float)BitConverter.UInt16BitsToHalf((ushort)(i + 1)) : 65536;
            float middle = (low + high) / 2;
            values.AddRange([low, -low, middle, -middle, MathF.BitDecrement(middle), MathF.BitIncrement(middle)]);
        }
        values.AddRange([65519.99f, 65520, 1e30f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1e-30f, float.Epsilon]);
        float[] x = [.. values];
        var halves = new Half[x.Length];
        Conversion.FloatToHalf(x, halves);
        for (int i = 0; i < x.Length; i++)
            Assert.True(Same((float)(Half)x[i], (float)halves[i]), $"{where}{x[i]:r} gave {halves[i]}, expected {(Half)x[i]}");
        var narrow = new ushort[x.Length];
        Conversion.FloatToBFloat16(x, narrow);
        for (int i = 0; i < x.Length; i++)
            Assert.True(NearestBFloat16(x[i], narrow[i]), $"{where}{x[i]:r} gave {narrow[i]:x}");
    });

    [Fact]
    public void Every_length_converts_and_nothing_behind_it() => Variants.EachSet(where =>
    {
        for (int n = 0; n < 40; n++)
        {
            float[] x = Reference.Random(n, 1), back = new float[n];
            var halves = new Half[n + 1];
            var narrow = new ushort[n + 1];
            Conversion.FloatToHalf(x, halves.AsSpan(0, n));
            Conversion.FloatToBFloat16(x, narrow.AsSpan(0, n));
            Assert.Equal((Half)0, halves[n]);
            Assert.Equal(0, narrow[n]);
            Conversion.HalfToFloat(halves.AsSpan(0, n), back);
            Reference.Close([.. x.Select(v => (double)v)], back, 5e-4, where);
            Conversion.BFloat16ToFloat(narrow.AsSpan(0, n), back);
            Reference.Close([.. x.Select(v => (double)v)], back, 4e-3, where);
        }
        Assert.Throws<ArgumentException>(() => Conversion.HalfToFloat(new Half[2], new float[1]));
    });

    private static bool Same(float a, float b) =>
        float.IsNaN(a) ? float.IsNaN(b) : BitConverter.SingleToUInt32Bits(a) == BitConverter.SingleToUInt32Bits(b);

    /// <summary>Whether no other bfloat16 is nearer, and a tie went to the even one.</summary>
    private static bool NearestBFloat16(float x, ushort bits)
    {
        static float Value(int b) => BitConverter.UInt32BitsToSingle((uint)b << 16);
        if (float.IsNaN(x))
            return float.IsNaN(Value(bits));
        if (float.IsInfinity(x))
            return Value(bits) == x;
        double mine = Math.Abs((double)Value(bits) - x);
        double above = Math.Abs((double)Value(bits + 1) - x), below = (bits & 0x7FFF) == 0 ? double.MaxValue : Math.Abs((double)Value(bits - 1) - x);
        double other = Math.Min(above, below);
        return mine < other || (mine == other && bits % 2 == 0);
    }
}
