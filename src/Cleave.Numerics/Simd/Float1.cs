using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Simd;

/// <summary>One lane: plain arithmetic, the reference that the wide versions are compared with.</summary>
internal readonly unsafe struct Float1(float v) : ILanes<Float1>
{
    private readonly float _v = v;

    public static int Width => 1;
    public static Float1 Broadcast(float value) => new(value);
    public static Float1 Load(float* source) => new(*source);
    public static void Store(float* destination, Float1 value) => *destination = value._v;

    public static Float1 LoadInt8(sbyte* source) => new(*source);
    public static Float1 LoadBFloat16(ushort* source) => new(BitConverter.Int32BitsToSingle(*source << 16));
    public static Float1 LoadFloat16(ushort* source) => new((float)BitConverter.UInt16BitsToHalf(*source));

    // Fewer than one lane is none.
    public static Float1 LoadPartial(float* source, int count, Float1 fill) => fill;
    public static void StorePartial(float* destination, int count, Float1 value) { }

    public static Float1 operator +(Float1 a, Float1 b) => new(a._v + b._v);
    public static Float1 operator -(Float1 a, Float1 b) => new(a._v - b._v);
    public static Float1 operator *(Float1 a, Float1 b) => new(a._v * b._v);
    public static Float1 operator /(Float1 a, Float1 b) => new(a._v / b._v);
    public static Float1 MultiplyAdd(Float1 a, Float1 b, Float1 c) => new(a._v * b._v + c._v);
    public static Float1 Sqrt(Float1 x) => new(MathF.Sqrt(x._v));
    public static Float1 Round(Float1 x) => new(MathF.Round(x._v));
    public static Float1 Max(Float1 a, Float1 b) => new(MathF.Max(a._v, b._v));

    public static Float1 Clamp(Float1 x, Float1 low, Float1 high) => x._v < low._v ? low : x._v > high._v ? high : x;

    public static Float1 Larger(Float1 a, Float1 b) => a._v > b._v ? a : b;

    public static Float1 FractionToExponent(Float1 x) =>
        new(BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(x._v) << 23));

    public static Float1 PowerOfTwo(Float1 n) =>
        new(float.IsNaN(n._v) ? n._v : BitConverter.Int32BitsToSingle(((int)n._v + 127) << 23));

    public static float SumAcross(Float1 x) => x._v;
    public static float MaxAcross(Float1 x) => x._v;
}
