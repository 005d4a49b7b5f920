using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>sum + four products of bytes in every 32-bit lane; x is signed and at least −127.</summary>
internal interface IByteDot
{
    /// <summary>What it wants added to signed weights: 128 makes them unsigned, 0 leaves them as they are.</summary>
    static abstract int Offset { get; }

    static abstract Vector256<int> Add(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x);
}

/// <summary>The one instruction for it on x86 (AVX-VNNI), for unsigned weights.</summary>
internal readonly struct VnniDot : IByteDot
{
    public static int Offset => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) =>
        AvxVnni.MultiplyWideningAndAdd(sum, weights, x);
}

/// <summary>The same in AVX2, so that machines without the instruction can test what is built on it.</summary>
internal readonly struct EmulatedDot : IByteDot
{
    public static int Offset => 128;

    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x)
    {
        Vector256<short> even = (weights.AsUInt16() & Vector256.Create((ushort)255)).AsInt16(), odd = (weights.AsUInt16() >> 8).AsInt16();
        return sum + Avx2.MultiplyAddAdjacent(even, x.AsInt16() << 8 >> 8) + Avx2.MultiplyAddAdjacent(odd, x.AsInt16() >> 8);
    }
}

/// <summary>The one instruction for it on Arm64 (the dot product extension of Armv8.2), for signed weights.</summary>
internal readonly struct ArmDot : IByteDot
{
    public static int Offset => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => Vector256.Create(
        Dp.DotProduct(sum.GetLower(), weights.GetLower().AsSByte(), x.GetLower()),
        Dp.DotProduct(sum.GetUpper(), weights.GetUpper().AsSByte(), x.GetUpper()));
}

/// <summary>
/// Signed weights on any processor: products in 16 bits, where two of them have room (2 · 128 · 127), then 32.
/// </summary>
internal readonly struct WideningDot : IByteDot
{
    public static int Offset => 0;

    // In halves from here on: what the compiler splits by itself costs it more inlining than a kernel may have.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => Vector256.Create(
        Add(sum.GetLower(), weights.GetLower(), x.GetLower()),
        Add(sum.GetUpper(), weights.GetUpper(), x.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Add(Vector128<int> sum, Vector128<byte> weights, Vector128<sbyte> x)
    {
        if (AdvSimd.Arm64.IsSupported)
        {
            Vector128<short> low = AdvSimd.MultiplyWideningLower(weights.GetLower().AsSByte(), x.GetLower());
            Vector128<short> high = AdvSimd.MultiplyWideningUpper(weights.AsSByte(), x);
            return AdvSimd.AddPairwiseWideningAndAdd(sum, AdvSimd.Arm64.AddPairwise(low, high));
        }
        Vector128<short> w = weights.AsInt16(), v = x.AsInt16();
        Vector128<int> pairs = ((w << 8 >> 8) * (v << 8 >> 8) + (w >> 8) * (v >> 8)).AsInt32();
        return sum + (pairs << 16 >> 16) + (pairs >> 16);
    }
}
