using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Simd;

/// <summary>
/// Four lanes, in portable vectors: AdvSimd on Arm64, SSE on x86. There a multiply-add is one instruction where the machine
/// has it and two where it does not, never a call.
/// </summary>
internal readonly unsafe struct Float4(Vector128<float> v) : ILanes<Float4>
{
    private readonly Vector128<float> _v = v;

    public static int Width => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Float4 value) => value._v.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LoadInt8(sbyte* source) =>
        new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(int*)source).AsSByte()))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LoadBFloat16(ushort* source) => new((Widen(source) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LoadFloat16(ushort* source) =>
        new(((Widen(source) << 16 >> 3) & Vector128.Create(unchecked((int)0x8FFFE000))).AsSingle() * Vector128.Create(LaneMath.Float16Scale));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Widen(ushort* four) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)four).AsUInt16()).AsInt32();

    // Lane by lane in registers: a vector read back from four single stores would wait for them.
    public static Float4 LoadPartial(float* source, int count, Float4 fill)
    {
        Vector128<float> lanes = fill._v;
        if (count > 0)
            lanes = lanes.WithElement(0, source[0]);
        if (count > 1)
            lanes = lanes.WithElement(1, source[1]);
        if (count > 2)
            lanes = lanes.WithElement(2, source[2]);
        return new(lanes);
    }

    public static void StorePartial(float* destination, int count, Float4 value)
    {
        if (count > 0)
            destination[0] = value._v.GetElement(0);
        if (count > 1)
            destination[1] = value._v.GetElement(1);
        if (count > 2)
            destination[2] = value._v.GetElement(2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator +(Float4 a, Float4 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator -(Float4 a, Float4 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator *(Float4 a, Float4 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator /(Float4 a, Float4 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(Float4 a, Float4 b, Float4 c) => new(Vector128.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sqrt(Float4 x) => new(Vector128.Sqrt(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Round(Float4 x) => new(Vector128.Round(x._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Max(Float4 a, Float4 b) => new(Vector128.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Clamp(Float4 x, Float4 low, Float4 high) => new(Vector128.Max(low._v, Vector128.Min(high._v, x._v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Larger(Float4 a, Float4 b) => new(Vector128.ConditionalSelect(Vector128.GreaterThan(a._v, b._v), a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 FractionToExponent(Float4 x) => new((x._v.AsInt32() << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 PowerOfTwo(Float4 n) => new(((Vector128.ConvertToInt32Native(n._v) + Vector128.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumAcross(Float4 x) => Vector128.Sum(x._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float4 x)
    {
        Vector128<float> two = Vector128.Max(x._v, Vector128.Shuffle(x._v, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
