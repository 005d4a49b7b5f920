using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>
/// The q of eight rows by 32 columns. They are multiplied four columns of every row at a time, columns 4c … 4c + 3 and 16 more:
/// byte 4r + j of a vector belongs to row r and column 4c + j (first) or 16 + 4c + j (second). Bits that do not fit a half byte
/// lie in planes, one vector for all four c, which are shifted as c goes up.
/// </summary>
internal unsafe interface IPackedBits
{
    /// <summary>Bytes of eight rows by 32 columns.</summary>
    static abstract int Bytes { get; }

    /// <summary>The largest q.</summary>
    static abstract int Most { get; }

    /// <summary>Whether q are places in <see cref="IQ4Format.Values"/>, and what is multiplied are signed bytes.</summary>
    static virtual bool IsTable => false;

    static abstract void Put(byte* bits, int row, byte* q);

    static abstract void Get(byte* bits, int row, byte* q);

    /// <summary>What both halves of step c have in common.</summary>
    static virtual Vector256<byte> Load(byte* bits, nint c) => default;

    /// <summary>A plane before step 0: of the first halves, of the second, of both.</summary>
    static virtual Vector256<byte> Plane(byte* bits, int index) => default;

    static abstract Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both);

    static abstract Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both);
}

/// <summary>Planes of one and of two bits, and half bytes.</summary>
internal static unsafe class BitPlanes
{
    public const int Size = 32, Steps = 4;

    /// <summary>The lower four bits of q.</summary>
    public static void PutHalves(byte* bits, int row, byte* q)
    {
        for (int i = 0; i < 16; i++)
            bits[i / 4 * Size + 4 * row + i % 4] = (byte)(q[i] & 15 | q[i + 16] << 4);
    }

    public static void GetHalves(byte* bits, int row, byte* q)
    {
        for (int i = 0; i < 16; i++)
        {
            byte both = bits[i / 4 * Size + 4 * row + i % 4];
            (q[i], q[i + 16]) = ((byte)(both & 15), (byte)(both >> 4));
        }
    }

    /// <summary>Bit <paramref name="bit"/> of q: bit c of a byte for the first half, bit 4 + c for the second.</summary>
    public static void PutOne(byte* plane, int row, byte* q, int bit)
    {
        for (int j = 0; j < 4; j++)
        {
            int value = 0;
            for (int c = 0; c < Steps; c++)
                value |= (q[4 * c + j] >> bit & 1) << c | (q[16 + 4 * c + j] >> bit & 1) << (4 + c);
            plane[4 * row + j] = (byte)value;
        }
    }

    public static void GetOne(byte* plane, int row, byte* q, int bit)
    {
        for (int i = 0; i < Size; i++)
            q[i] |= (byte)((plane[4 * row + i % 4] >> (i / 16 * 4 + i % 16 / 4) & 1) << bit);
    }

    /// <summary>Bits <paramref name="bit"/> and the next of q: bits 2c of a byte, the second half in the next plane.</summary>
    public static void PutTwo(byte* planes, int row, byte* q, int bit)
    {
        for (int half = 0; half < 2; half++, planes += Size, q += 16)
        {
            for (int j = 0; j < 4; j++)
            {
                int value = 0;
                for (int c = 0; c < Steps; c++)
                    value |= (q[4 * c + j] >> bit & 3) << (2 * c);
                planes[4 * row + j] = (byte)value;
            }
        }
    }

    public static void GetTwo(byte* planes, int row, byte* q, int bit)
    {
        for (int i = 0; i < Size; i++)
            q[i] |= (byte)((planes[i / 16 * Size + 4 * row + i % 4] >> (2 * (i % 16 / 4)) & 3) << bit);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Low(Vector256<byte> bytes) => bytes & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> High(Vector256<byte> bytes) => (bytes.AsUInt16() >>> 4).AsByte() & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Up(Vector256<byte> plane, int shift, byte mask) => (plane.AsUInt16() << shift).AsByte() & Vector256.Create(mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Down(Vector256<byte> plane, int shift) => (plane.AsUInt16() >>> shift).AsByte();
}

/// <summary>Four bits.</summary>
internal readonly unsafe struct FourBits : IPackedBits
{
    public static int Bytes => BitPlanes.Steps * BitPlanes.Size;
    public static int Most => 15;
    public static void Put(byte* bits, int row, byte* q) => BitPlanes.PutHalves(bits, row, q);
    public static void Get(byte* bits, int row, byte* q) => BitPlanes.GetHalves(bits, row, q);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* bits, nint c) => Vector256.Load(bits + c * BitPlanes.Size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => BitPlanes.Low(loaded);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => BitPlanes.High(loaded);
}

/// <summary>Four bits that are places in a table of signed bytes.</summary>
internal readonly unsafe struct TableBits : IPackedBits
{
    public static int Bytes => FourBits.Bytes;
    public static int Most => 15;
    public static bool IsTable => true;
    public static void Put(byte* bits, int row, byte* q) => FourBits.Put(bits, row, q);
    public static void Get(byte* bits, int row, byte* q) => FourBits.Get(bits, row, q);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* bits, nint c) => FourBits.Load(bits, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => LookUp(BitPlanes.Low(loaded));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => LookUp(BitPlanes.High(loaded));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> LookUp(Vector256<byte> places)
    {
        Vector128<byte> table = Vector128.Create(IQ4Format.Values).AsByte();
        return System.Runtime.Intrinsics.X86.Avx2.IsSupported ? System.Runtime.Intrinsics.X86.Avx2.Shuffle(Vector256.Create(table, table), places)
            : Vector256.Create(Vector128.Shuffle(table, places.GetLower()), Vector128.Shuffle(table, places.GetUpper()));
    }
}

/// <summary>Five bits: half bytes, and a plane of the fifth.</summary>
internal readonly unsafe struct FiveBits : IPackedBits
{
    public static int Bytes => FourBits.Bytes + BitPlanes.Size;
    public static int Most => 31;

    public static void Put(byte* bits, int row, byte* q)
    {
        BitPlanes.PutHalves(bits, row, q);
        BitPlanes.PutOne(bits + FourBits.Bytes, row, q, 4);
    }

    public static void Get(byte* bits, int row, byte* q)
    {
        BitPlanes.GetHalves(bits, row, q);
        BitPlanes.GetOne(bits + FourBits.Bytes, row, q, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* bits, nint c) => FourBits.Load(bits, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Plane(byte* bits, int index) => index == 2 ? Vector256.Load(bits + FourBits.Bytes) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => BitPlanes.Low(loaded) | BitPlanes.Up(both, 4, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) =>
        BitPlanes.High(loaded) | both & Vector256.Create((byte)16);
}

/// <summary>Six bits: half bytes, and two planes of two.</summary>
internal readonly unsafe struct SixBits : IPackedBits
{
    public static int Bytes => FourBits.Bytes + 2 * BitPlanes.Size;
    public static int Most => 63;

    public static void Put(byte* bits, int row, byte* q)
    {
        BitPlanes.PutHalves(bits, row, q);
        BitPlanes.PutTwo(bits + FourBits.Bytes, row, q, 4);
    }

    public static void Get(byte* bits, int row, byte* q)
    {
        BitPlanes.GetHalves(bits, row, q);
        BitPlanes.GetTwo(bits + FourBits.Bytes, row, q, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* bits, nint c) => FourBits.Load(bits, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Plane(byte* bits, int index) => index < 2 ? Vector256.Load(bits + FourBits.Bytes + index * BitPlanes.Size) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => BitPlanes.Low(loaded) | BitPlanes.Up(plane, 4, 48);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => BitPlanes.High(loaded) | BitPlanes.Up(plane, 4, 48);
}

/// <summary>Two bits: two planes.</summary>
internal readonly unsafe struct TwoBits : IPackedBits
{
    public static int Bytes => 2 * BitPlanes.Size;
    public static int Most => 3;
    public static void Put(byte* bits, int row, byte* q) => BitPlanes.PutTwo(bits, row, q, 0);

    public static void Get(byte* bits, int row, byte* q)
    {
        new Span<byte>(q, BitPlanes.Size).Clear();
        BitPlanes.GetTwo(bits, row, q, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Plane(byte* bits, int index) => index < 2 ? Vector256.Load(bits + index * BitPlanes.Size) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => plane & Vector256.Create((byte)3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) => plane & Vector256.Create((byte)3);
}

/// <summary>Three bits: two planes of two, one of the third.</summary>
internal readonly unsafe struct ThreeBits : IPackedBits
{
    public static int Bytes => 3 * BitPlanes.Size;
    public static int Most => 7;

    public static void Put(byte* bits, int row, byte* q)
    {
        BitPlanes.PutTwo(bits, row, q, 0);
        BitPlanes.PutOne(bits + TwoBits.Bytes, row, q, 2);
    }

    public static void Get(byte* bits, int row, byte* q)
    {
        TwoBits.Get(bits, row, q);
        BitPlanes.GetOne(bits + TwoBits.Bytes, row, q, 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Plane(byte* bits, int index) => Vector256.Load(bits + index * BitPlanes.Size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> First(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) =>
        plane & Vector256.Create((byte)3) | BitPlanes.Up(both, 2, 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Second(Vector256<byte> loaded, Vector256<byte> plane, Vector256<byte> both) =>
        plane & Vector256.Create((byte)3) | BitPlanes.Down(both, 2) & Vector256.Create((byte)4);
}
