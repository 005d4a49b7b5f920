using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>How a packed block of eight rows keeps its scales: first the halves of all rows, then whole numbers for every 32 columns.</summary>
internal unsafe interface IPackedScales
{
    /// <summary>Blocks of 32 columns that share the halves.</summary>
    static abstract int SubBlocks { get; }

    /// <summary>Bytes of whole numbers for 32 columns of eight rows.</summary>
    static abstract int Bytes { get; }

    /// <summary>Whether something is taken off behind the products.</summary>
    static abstract bool Minimums { get; }

    /// <summary>Whether columns 0 to 15 and 16 to 31 have the same scale and minimum.</summary>
    static abstract bool Shared { get; }

    static abstract void Put(byte* scales, int row, sbyte* two, byte* twoMinimums);

    static abstract void Get(byte* scales, int row, sbyte* two, byte* twoMinimums);

    /// <summary>The scales of one half, each row's in its lane.</summary>
    static abstract Vector256<int> Scale<TPairs>(byte* scales, int half) where TPairs : struct, IPairs;

    static abstract Vector256<int> Minimum<TPairs>(byte* scales, int half) where TPairs : struct, IPairs;
}

/// <summary>The halves are all there is.</summary>
internal readonly unsafe struct HalfOnly : IPackedScales
{
    public static int SubBlocks => 1;
    public static int Bytes => 0;
    public static bool Minimums => false;
    public static bool Shared => true;
    public static void Put(byte* scales, int row, sbyte* two, byte* twoMinimums) { }

    public static void Get(byte* scales, int row, sbyte* two, byte* twoMinimums)
    {
        two[0] = two[1] = 1;
        twoMinimums[0] = twoMinimums[1] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scale<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => Vector256<int>.One;

    public static Vector256<int> Minimum<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => default;
}

/// <summary>Two halves.</summary>
internal readonly unsafe struct TwoHalves : IPackedScales
{
    public static int SubBlocks => 1;
    public static int Bytes => 0;
    public static bool Minimums => true;
    public static bool Shared => true;
    public static void Put(byte* scales, int row, sbyte* two, byte* twoMinimums) { }

    public static void Get(byte* scales, int row, sbyte* two, byte* twoMinimums)
    {
        two[0] = two[1] = 1;
        twoMinimums[0] = twoMinimums[1] = 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scale<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => Vector256<int>.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Minimum<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => Vector256<int>.One;
}

/// <summary>For 32 columns an unsigned scale and a minimum: eight bytes of the rows' scales, eight of their minimums.</summary>
internal readonly unsafe struct ScaleAndMinimum : IPackedScales
{
    public static int SubBlocks => 8;
    public static int Bytes => 16;
    public static bool Minimums => true;
    public static bool Shared => true;

    public static void Put(byte* scales, int row, sbyte* two, byte* twoMinimums) => (scales[row], scales[8 + row]) = ((byte)two[0], twoMinimums[0]);

    public static void Get(byte* scales, int row, sbyte* two, byte* twoMinimums)
    {
        two[0] = two[1] = (sbyte)scales[row];
        twoMinimums[0] = twoMinimums[1] = scales[8 + row];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scale<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => TPairs.Signed(scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Minimum<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => TPairs.Signed(scales + 8);
}

/// <summary>For every 16 columns a signed scale.</summary>
internal readonly unsafe struct SignedScales : IPackedScales
{
    public static int SubBlocks => 8;
    public static int Bytes => 16;
    public static bool Minimums => false;
    public static bool Shared => false;

    public static void Put(byte* scales, int row, sbyte* two, byte* twoMinimums) => (scales[row], scales[8 + row]) = ((byte)two[0], (byte)two[1]);

    public static void Get(byte* scales, int row, sbyte* two, byte* twoMinimums)
    {
        (two[0], two[1]) = ((sbyte)scales[row], (sbyte)scales[8 + row]);
        twoMinimums[0] = twoMinimums[1] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scale<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => TPairs.Signed(scales + 8 * half);

    public static Vector256<int> Minimum<TPairs>(byte* scales, int half) where TPairs : struct, IPairs => default;
}

/// <summary>For every 16 columns a scale and a minimum of four bits, in one byte.</summary>
internal readonly unsafe struct HalfByteScales : IPackedScales
{
    public static int SubBlocks => 8;
    public static int Bytes => 16;
    public static bool Minimums => true;
    public static bool Shared => false;

    public static void Put(byte* scales, int row, sbyte* two, byte* twoMinimums) =>
        (scales[row], scales[8 + row]) = ((byte)((byte)two[0] | twoMinimums[0] << 4), (byte)((byte)two[1] | twoMinimums[1] << 4));

    public static void Get(byte* scales, int row, sbyte* two, byte* twoMinimums)
    {
        (two[0], two[1]) = ((sbyte)(scales[row] & 15), (sbyte)(scales[8 + row] & 15));
        (twoMinimums[0], twoMinimums[1]) = ((byte)(scales[row] >> 4), (byte)(scales[8 + row] >> 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Scale<TPairs>(byte* scales, int half) where TPairs : struct, IPairs =>
        TPairs.Signed(scales + 8 * half) & Vector256.Create(15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Minimum<TPairs>(byte* scales, int half) where TPairs : struct, IPairs =>
        TPairs.Signed(scales + 8 * half) >> 4 & Vector256.Create(15);
}
