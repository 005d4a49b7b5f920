using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Simd;

/// <summary>Eight lanes: AVX2 with fused multiply-add.</summary>
internal readonly unsafe struct Float8(Vector256<float> v) : ILanes<Float8>
{
    // Eight ones and eight zeros: loading at 8 − count gives a mask of the first count lanes.
    private static ReadOnlySpan<int> Ones => [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

    private readonly Vector256<float> _v = v;

    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Float8 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadInt8(sbyte* source) => new(Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadBFloat16(ushort* source) => new((Avx2.ConvertToVector256Int32(source) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadFloat16(ushort* source)
    {
        // Sign, exponent and fraction moved to where a float has them; the exponents' biases differ by 112.
        Vector256<int> bits = Avx2.ConvertToVector256Int32(source) << 16;
        Vector256<float> moved = ((bits >> 3) & Vector256.Create(unchecked((int)0x8FFFE000))).AsSingle();
        return new(moved * Vector256.Create(LaneMath.Float16Scale));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadPartial(float* source, int count, Float8 fill)
    {
        Vector256<float> mask = First(count);
        return new(Vector256.ConditionalSelect(mask, Avx.MaskLoad(source, mask), fill._v));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(float* destination, int count, Float8 value) => Avx.MaskStore(destination, First(count), value._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator +(Float8 a, Float8 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator -(Float8 a, Float8 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator *(Float8 a, Float8 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator /(Float8 a, Float8 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 MultiplyAdd(Float8 a, Float8 b, Float8 c) => new(Fma.MultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Sqrt(Float8 x) => new(Vector256.Sqrt(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Round(Float8 x) => new(Avx.RoundToNearestInteger(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Max(Float8 a, Float8 b) => new(Vector256.Max(a._v, b._v));

    // min and max return their second operand when one is NaN, so x comes second.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Clamp(Float8 x, Float8 low, Float8 high) => new(Avx.Max(low._v, Avx.Min(high._v, x._v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Larger(Float8 a, Float8 b) => new(Avx.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 FractionToExponent(Float8 x) => new((x._v.AsInt32() << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 PowerOfTwo(Float8 n) =>
        new(((Avx.ConvertToVector256Int32(n._v) + Vector256.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumAcross(Float8 x) => Vector128.Sum(x._v.GetLower() + x._v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float8 x)
    {
        Vector128<float> four = Vector128.Max(x._v.GetLower(), x._v.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> First(int count) =>
        Vector256.LoadUnsafe(in Ones[0], (nuint)(8 - count)).AsSingle();
}
