using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>What the formats with blocks of 256 share.</summary>
internal static unsafe class LargeBlocks
{
    public const int Size = 256;

    /// <summary>Two bits of each of 32 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> TwoBits(Vector256<byte> bytes, int shift) =>
        (bytes.AsUInt16() >>> shift).AsByte() & Vector256.Create((byte)3);

    /// <summary>64 bytes of 2-bit q: those of columns c, c + 32, c + 64 and c + 96 of one half of the block in a byte.</summary>
    public static void OpenTwoBits(byte* packed, byte* values)
    {
        for (int half = 0; half < 2; half++, packed += 32)
        {
            Vector256<byte> bytes = Vector256.Load(packed);
            for (int shift = 0; shift < 8; shift += 2, values += 32)
                TwoBits(bytes, shift).Store(values);
        }
    }

    public static void PutTwoBits(ReadOnlySpan<byte> q, Span<byte> packed)
    {
        for (int i = 0; i < packed.Length; i++)
        {
            int c = i / 32 * 128 + i % 32;
            packed[i] = (byte)(q[c] & 3 | (q[c + 32] & 3) << 2 | (q[c + 64] & 3) << 4 | (q[c + 96] & 3) << 6);
        }
    }

    public static float SumOfSquares(ReadOnlySpan<float> x)
    {
        float sum = 0;
        foreach (float v in x)
            sum += v * v;
        return sum;
    }

    public static float Sum(ReadOnlySpan<float> x)
    {
        float sum = 0;
        foreach (float v in x)
            sum += v;
        return sum;
    }

    public static float Largest(ReadOnlySpan<float> x)
    {
        float max = 0;
        foreach (float v in x)
            max = v > max ? v : max;
        return max;
    }

    /// <summary>Scales or minimums as whole numbers up to <paramref name="most"/> times one number, which is returned.</summary>
    public static float RoundAll(ReadOnlySpan<float> numbers, int most, Span<byte> rounded)
    {
        float max = Largest(numbers), inverse = max > 0 ? most / max : 0;
        for (int i = 0; i < numbers.Length; i++)
            rounded[i] = (byte)ScaleSearch.Nearest(inverse * numbers[i], 0, most);
        return max > 0 ? max / most : 0;
    }

    /// <summary>Writes a half and returns what it holds.</summary>
    public static float PutHalf(Span<byte> place, float value)
    {
        var half = (Half)value;
        BinaryPrimitives.WriteHalfLittleEndian(place, half);
        return (float)half;
    }

    /// <summary>The q nearest to x for the scales as they are stored; groups with a scale of zero keep theirs.</summary>
    public static void RoundGroups(ReadOnlySpan<float> x, ReadOnlySpan<float> scales, ReadOnlySpan<float> minimums, int offset, int most, Span<byte> q)
    {
        int size = x.Length / scales.Length;
        for (int g = 0; g < scales.Length; g++)
        {
            if (scales[g] == 0)
                continue;
            float minimum = minimums.IsEmpty ? 0 : minimums[g];
            for (int i = g * size; i < (g + 1) * size; i++)
                q[i] = (byte)(ScaleSearch.Nearest((x[i] + minimum) / scales[g], -offset, most - offset) + offset);
        }
    }
}
