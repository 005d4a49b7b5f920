using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Simd;

/// <summary>
/// Sixteen lanes: AVX-512. Written in portable vectors only, which the runtime maps to one instruction each
/// where the hardware has them and emulates elsewhere, so that any machine can test this path.
/// </summary>
internal readonly unsafe struct Float16(Vector512<float> v) : ILanes<Float16>
{
    private readonly Vector512<float> _v = v;

    public static int Width => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Float16 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadInt8(sbyte* source)
    {
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(Vector128.Load(source));
        (Vector256<int> a, Vector256<int> b) = Vector256.Widen(Vector256.Create(low, high));
        return new(Vector512.ConvertToSingle(Vector512.Create(a, b)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadBFloat16(ushort* source) => new((Widen(source) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadFloat16(ushort* source) =>
        new((((Widen(source) << 16) >> 3) & Vector512.Create(unchecked((int)0x8FFFE000))).AsSingle() * Vector512.Create(LaneMath.Float16Scale));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Widen(ushort* source)
    {
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(source));
        return Vector512.Create(low, high).AsInt32();
    }

    public static Float16 LoadPartial(float* source, int count, Float16 fill)
    {
        float* lanes = stackalloc float[16];
        fill._v.Store(lanes);
        for (int i = 0; i < count; i++)
            lanes[i] = source[i];
        return Load(lanes);
    }

    public static void StorePartial(float* destination, int count, Float16 value)
    {
        float* lanes = stackalloc float[16];
        value._v.Store(lanes);
        for (int i = 0; i < count; i++)
            destination[i] = lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator +(Float16 a, Float16 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator -(Float16 a, Float16 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator *(Float16 a, Float16 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator /(Float16 a, Float16 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 MultiplyAdd(Float16 a, Float16 b, Float16 c) => new(Vector512.FusedMultiplyAdd(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Sqrt(Float16 x) => new(Vector512.Sqrt(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Round(Float16 x) => new(Vector512.Round(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Max(Float16 a, Float16 b) => new(Vector512.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Clamp(Float16 x, Float16 low, Float16 high) => new(Vector512.Max(low._v, Vector512.Min(high._v, x._v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Larger(Float16 a, Float16 b) => new(Vector512.ConditionalSelect(Vector512.GreaterThan(a._v, b._v), a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 FractionToExponent(Float16 x) => new((x._v.AsInt32() << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 PowerOfTwo(Float16 n) => new(((Vector512.ConvertToInt32(n._v) + Vector512.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumAcross(Float16 x)
    {
        Vector256<float> eight = x._v.GetLower() + x._v.GetUpper();
        return Vector128.Sum(eight.GetLower() + eight.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float16 x)
    {
        Vector256<float> eight = Vector256.Max(x._v.GetLower(), x._v.GetUpper());
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
