using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cleave.Numerics.Quantized;

/// <summary>What the formats with blocks of 32 share: q of column i in the low and of column i + 16 in the high half of a byte.</summary>
internal static unsafe class SmallBlocks
{
    public const int Size = 32, Half32 = Size / 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void OpenNibbles(byte* nibbles, byte* values)
    {
        Vector128<byte> both = Vector128.Load(nibbles);
        (both & Vector128.Create((byte)15)).Store(values);
        (both >>> 4).Store(values + Half32);
    }

    /// <summary>Adds 16 where bit i of a column is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddFifthBits(uint bits, byte* values)
    {
        Vector256<byte> masks = Vector256.Create(0x8040201008040201UL).AsByte();
        Vector256<byte> spread = Vector256.Create(
            Vector128.Create(Spread(bits), Spread(bits >> 8)).AsByte(), Vector128.Create(Spread(bits >> 16), Spread(bits >> 24)).AsByte());
        (Vector256.Load(values) | Vector256.Equals(spread & masks, masks) & Vector256.Create((byte)16)).Store(values);

        static ulong Spread(uint b) => (b & 0xFF) * 0x0101010101010101UL;
    }

    public static void PutNibbles(ReadOnlySpan<byte> q, Span<byte> nibbles)
    {
        for (int i = 0; i < Half32; i++)
            nibbles[i] = (byte)(q[i] & 15 | (q[i + Half32] & 15) << 4);
    }

    public static void PutFifthBits(ReadOnlySpan<byte> q, Span<byte> four)
    {
        uint bits = 0;
        for (int i = 0; i < Size; i++)
            bits |= (uint)(q[i] >> 4) << i;
        BinaryPrimitives.WriteUInt32LittleEndian(four, bits);
    }

    /// <summary>How much each error counts: what was asked for, more for larger values.</summary>
    public static void Weights(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float meanSquare, Span<float> weights)
    {
        for (int i = 0; i < x.Length; i++)
            weights[i] = importance[i] * MathF.Sqrt(meanSquare + x[i] * x[i]);
    }

    /// <summary>w ≈ q · d + m with q from 0 to <paramref name="most"/>; writes d and m.</summary>
    public static void QuantizeAffine(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, int most, Span<byte> q, Span<byte> block)
    {
        float scale, min;
        if (importance.IsEmpty)
        {
            min = float.MaxValue;
            float max = -float.MaxValue;
            foreach (float v in x)
            {
                min = v < min ? v : min;
                max = v > max ? v : max;
            }
            scale = (max - min) / most;
            float inverse = scale != 0 ? 1 / scale : 0;
            for (int i = 0; i < Size; i++)
                q[i] = (byte)Math.Min(most, int.CreateSaturating((x[i] - min) * inverse + 0.5f));
        }
        else
        {
            Span<float> weights = stackalloc float[Size];
            Weights(x, importance, rowMeanSquare, weights);
            scale = ScaleSearch.Affine(x, weights, most, -0.9f, 0.05f, 36, absolute: false, q, out float minimum);
            min = -minimum;
        }
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        BinaryPrimitives.WriteHalfLittleEndian(block[2..], (Half)min);
    }

    /// <summary>w ≈ (q − levels) · d; writes d.</summary>
    public static void QuantizeSymmetric(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, int levels, Span<byte> q, Span<byte> block)
    {
        float scale;
        if (importance.IsEmpty)
        {
            scale = ScaleSearch.Largest(x) / -levels;
            float inverse = scale != 0 ? 1 / scale : 0;
            for (int i = 0; i < Size; i++)
                q[i] = (byte)Math.Min(2 * levels - 1, int.CreateSaturating(x[i] * inverse + (levels + 0.5f)));
        }
        else
        {
            Span<float> weights = stackalloc float[Size];
            Weights(x, importance, rowMeanSquare, weights);
            scale = ScaleSearch.Symmetric(x, weights, levels, q);
        }
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
    }

    /// <summary>The halves of a block without whole scales.</summary>
    /// <param name="minimum">What is added in the file, and here is taken off.</param>
    public static void Fill(OpenBlock* open, Half scale, Half? minimum)
    {
        (open->Scale, open->Minimum) = (scale, -minimum ?? default);
        open->Scales[0] = open->Scales[1] = 1;
        open->Minimums[0] = open->Minimums[1] = (byte)(minimum is null ? 0 : 1);
    }
}

internal readonly unsafe struct Q41Format : IStoredFormat
{
    public static int Elements => SmallBlocks.Size;
    public static int Bytes => 20;
    public static (int Place, int Count) Halves => (0, 2);
    public static int Offset => 0;

    public static void Open(byte* block, OpenBlock* open)
    {
        SmallBlocks.OpenNibbles(block + 4, open->Values);
        SmallBlocks.Fill(open, *(Half*)block, *(Half*)(block + 2));
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        (*(Half*)block, *(Half*)(block + 2)) = (open->Scale, -open->Minimum);
        SmallBlocks.PutNibbles(new ReadOnlySpan<byte>(open->Values, SmallBlocks.Size), new Span<byte>(block + 4, SmallBlocks.Half32));
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<byte> q = stackalloc byte[SmallBlocks.Size];
        SmallBlocks.QuantizeAffine(x, importance, rowMeanSquare, 15, q, block);
        SmallBlocks.PutNibbles(q, block[4..]);
    }
}

internal readonly unsafe struct Q50Format : IStoredFormat
{
    public static int Elements => SmallBlocks.Size;
    public static int Bytes => 22;
    public static (int Place, int Count) Halves => (0, 1);
    public static int Offset => 16;

    public static void Open(byte* block, OpenBlock* open)
    {
        SmallBlocks.OpenNibbles(block + 6, open->Values);
        SmallBlocks.AddFifthBits(*(uint*)(block + 2), open->Values);
        SmallBlocks.Fill(open, *(Half*)block, null);
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        *(Half*)block = open->Scale;
        var q = new ReadOnlySpan<byte>(open->Values, SmallBlocks.Size);
        SmallBlocks.PutFifthBits(q, new Span<byte>(block + 2, sizeof(uint)));
        SmallBlocks.PutNibbles(q, new Span<byte>(block + 6, SmallBlocks.Half32));
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<byte> q = stackalloc byte[SmallBlocks.Size];
        SmallBlocks.QuantizeSymmetric(x, importance, rowMeanSquare, 16, q, block);
        SmallBlocks.PutFifthBits(q, block[2..]);
        SmallBlocks.PutNibbles(q, block[6..]);
    }
}

internal readonly unsafe struct Q51Format : IStoredFormat
{
    public static int Elements => SmallBlocks.Size;
    public static int Bytes => 24;
    public static (int Place, int Count) Halves => (0, 2);
    public static int Offset => 0;

    public static void Open(byte* block, OpenBlock* open)
    {
        SmallBlocks.OpenNibbles(block + 8, open->Values);
        SmallBlocks.AddFifthBits(*(uint*)(block + 4), open->Values);
        SmallBlocks.Fill(open, *(Half*)block, *(Half*)(block + 2));
    }

    public static void Close(OpenBlock* open, byte* block)
    {
        (*(Half*)block, *(Half*)(block + 2)) = (open->Scale, -open->Minimum);
        var q = new ReadOnlySpan<byte>(open->Values, SmallBlocks.Size);
        SmallBlocks.PutFifthBits(q, new Span<byte>(block + 4, sizeof(uint)));
        SmallBlocks.PutNibbles(q, new Span<byte>(block + 8, SmallBlocks.Half32));
    }

    public static void Quantize(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float rowMeanSquare, Span<byte> block)
    {
        Span<byte> q = stackalloc byte[SmallBlocks.Size];
        SmallBlocks.QuantizeAffine(x, importance, rowMeanSquare, 31, q, block);
        SmallBlocks.PutFifthBits(q, block[4..]);
        SmallBlocks.PutNibbles(q, block[8..]);
    }
}
