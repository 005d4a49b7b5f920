using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Conversions between float and its 16-bit forms, to nearest with ties to even.</summary>
public static class Conversion
{
    /// <summary>bfloat16 (the upper half of a float) to float; exact.</summary>
    public static void BFloat16ToFloat(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        for (int i = 0; i < source.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>Float to bfloat16; a NaN stays a (quiet) NaN.</summary>
    public static void FloatToBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        for (int i = 0; i < source.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            destination[i] = (ushort)(float.IsNaN(source[i]) ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    /// <summary>IEEE half precision to float; exact.</summary>
    public static void HalfToFloat(ReadOnlySpan<Half> source, Span<float> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        for (int i = 0; i < source.Length; i++)
            destination[i] = (float)source[i];
    }

    /// <summary>Float to IEEE half precision; beyond ±65504 it rounds to infinity.</summary>
    public static void FloatToHalf(ReadOnlySpan<float> source, Span<Half> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        for (int i = 0; i < source.Length; i++)
            destination[i] = (Half)source[i];
    }
}
