using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>What the vectors of all block formats share.</summary>
internal static unsafe class BlockVectors
{
    /// <summary>Most rows of x in one call of <see cref="IBlockFormat.Four"/>.</summary>
    public const int TileRows = 4;

    /// <summary>The largest absolute value of 32 floats; NaN if one is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestAbsolute(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<float> eight = Vector256.Max(Vector256.Max(Vector256.Abs(a), Vector256.Abs(b)), Vector256.Max(Vector256.Abs(c), Vector256.Abs(d)));
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>
    /// Eight finite halves to float: exponent and fraction moved into place below the sign, and multiplied by 2¹¹²
    /// for the difference of the exponents' biases.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales(Half* eight) =>
        ((Avx2.ConvertToVector256Int32((short*)eight) << 13) & Vector256.Create(unchecked((int)0x8FFFE000))).AsSingle()
            * Vector256.Create(5.192296858534828e33f);
}
