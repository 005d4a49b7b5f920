using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>Products of unsigned bytes with signed ones, neighbours summed in 16 bits, and what follows.</summary>
internal unsafe interface IPairs
{
    /// <summary>sums + w₀x₀ + w₁x₁ for every pair of neighbours, in 16 bits that may wrap as long as the last sum fits; one pair never exceeds 32767.</summary>
    static abstract Vector256<short> Add(Vector256<short> sums, Vector256<byte> w, Vector256<sbyte> x);

    /// <summary>sums + four products of signed bytes in every lane; x is at least −127.</summary>
    static abstract Vector256<int> AddSigned(Vector256<int> sums, Vector256<sbyte> w, Vector256<sbyte> x);

    /// <summary>Eight signed bytes.</summary>
    static abstract Vector256<int> Signed(byte* eight);

    /// <summary>Scales from −128 to 127 in the form that <see cref="Scaled"/> wants.</summary>
    static abstract Vector256<int> Prepare(Vector256<int> scales);

    /// <summary>(The two sums of a lane, added) · its scale.</summary>
    static abstract Vector256<int> Scaled(Vector256<short> sums, Vector256<int> prepared);
}

internal readonly unsafe struct Avx2Pairs : IPairs
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Add(Vector256<short> sums, Vector256<byte> w, Vector256<sbyte> x) => sums + Avx2.MultiplyAddAdjacent(w, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddSigned(Vector256<int> sums, Vector256<sbyte> w, Vector256<sbyte> x) =>
        sums + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Avx2.Abs(w), Avx2.Sign(x, w)), Vector256<short>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Signed(byte* eight) => Avx2.ConvertToVector256Int32((sbyte*)eight);

    // The low 16 bits of every lane in both of its halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Prepare(Vector256<int> scales) => Avx2.Shuffle(scales.AsByte(), Vector256.Create(
        (byte)0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13, 0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scaled(Vector256<short> sums, Vector256<int> prepared) => Avx2.MultiplyAddAdjacent(sums, prepared.AsInt16());
}

/// <summary>The same on any processor with 128-bit vectors.</summary>
internal readonly unsafe struct PortablePairs : IPairs
{
    // In halves: what the compiler splits by itself costs it more inlining than a kernel may have.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Add(Vector256<short> sums, Vector256<byte> w, Vector256<sbyte> x) =>
        Vector256.Create(Add(sums.GetLower(), w.GetLower(), x.GetLower()), Add(sums.GetUpper(), w.GetUpper(), x.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Add(Vector128<short> sums, Vector128<byte> w, Vector128<sbyte> x)
    {
        Vector128<short> v = x.AsInt16();
        return sums + (w.AsInt16() & Vector128.Create((short)255)) * (v << 8 >> 8) + (w.AsUInt16() >>> 8).AsInt16() * (v >> 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddSigned(Vector256<int> sums, Vector256<sbyte> w, Vector256<sbyte> x) => WideningDot.Add(sums, w.AsByte(), x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Signed(byte* eight)
    {
        Vector128<short> wide = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)eight).AsSByte());
        return Vector256.Create(Vector128.WidenLower(wide), Vector128.WidenUpper(wide));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Prepare(Vector256<int> scales) => scales;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scaled(Vector256<short> sums, Vector256<int> prepared) =>
        Vector256.Create(Scaled(sums.GetLower(), prepared.GetLower()), Scaled(sums.GetUpper(), prepared.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Scaled(Vector128<short> sums, Vector128<int> scales)
    {
        Vector128<int> pairs = sums.AsInt32();
        return ((pairs << 16 >> 16) + (pairs >> 16)) * scales;
    }
}
