using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Kernels;

/// <summary>Half precision, eight at a time, in integer arithmetic and one multiplication.</summary>
public static unsafe partial class Conversion
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Widen(ushort* from)
    {
        Vector128<ushort> eight = Vector128.Load(from);
        return Vector256.WidenLower(eight.ToVector256Unsafe());
    }

    /// <summary>Stores eight values below 65536.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Narrow(Vector256<uint> values, ushort* to) =>
        Vector128.Narrow(values.GetLower(), values.GetUpper()).Store(to);

    /// <summary>
    /// Eight halves in the low bits to float: exponent and fraction shifted into place and multiplied by 2¹¹²,
    /// which moves the exponent's bias from 15 to 127 and makes subnormal halves normal.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FromHalf(Vector256<uint> half)
    {
        Vector256<uint> magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        Vector256<uint> sign = (half & Vector256.Create(0x8000u)) << 16;
        Vector256<float> value = magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f); // 2^112
        // Infinity and NaN: the all-ones exponent has to become all ones again.
        Vector256<uint> special = Vector256.GreaterThan(magnitude.AsInt32(), Vector256.Create(0x0F7FFFFF)).AsUInt32();
        return (value.AsUInt32() | (special & Vector256.Create(0x7F800000u)) | sign).AsSingle();
    }

    /// <summary>
    /// Eight floats to halves in the low bits. Normal results round by integer arithmetic on the bits; subnormal
    /// ones by adding 0.5, whose unit in the last place is the smallest half's, so that the hardware rounds.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> ToHalf(Vector256<float> x)
    {
        Vector256<uint> bits = x.AsUInt32(), sign = (bits >> 16) & Vector256.Create(0x8000u);
        Vector256<uint> magnitude = bits & Vector256.Create(0x7FFFFFFFu);
        Vector256<uint> odd = (magnitude >> 13) & Vector256.Create(1u);
        Vector256<uint> normal = (magnitude - Vector256.Create(0x38000000u) + Vector256.Create(0x0FFFu) + odd) >> 13;
        Vector256<uint> small = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3F000000u);
        Vector256<int> signed = magnitude.AsInt32();
        Vector256<uint> isSmall = Vector256.LessThan(signed, Vector256.Create(0x38800000)).AsUInt32();
        Vector256<uint> isLarge = Vector256.GreaterThan(signed, Vector256.Create(0x477FEFFF)).AsUInt32(); // rounds past 65504
        Vector256<uint> isNaN = Vector256.GreaterThan(signed, Vector256.Create(0x7F800000)).AsUInt32();
        Vector256<uint> result = Vector256.ConditionalSelect(isSmall, small, normal);
        result = Vector256.ConditionalSelect(isLarge, Vector256.Create(0x7C00u), result);
        Vector256<uint> nan = Vector256.Create(0x7E00u) | ((magnitude >> 13) & Vector256.Create(0x3FFu));
        return Vector256.ConditionalSelect(isNaN, nan, result) | sign;
    }
}
