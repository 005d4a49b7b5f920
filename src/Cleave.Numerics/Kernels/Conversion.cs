using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>Conversions between float and its 16-bit forms, to nearest with ties to even.</summary>
public static unsafe partial class Conversion
{
    private const int PartLength = 16384;

    /// <summary>bfloat16 (the upper half of a float) to float; exact.</summary>
    public static void BFloat16ToFloat(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        fixed (ushort* from = source)
        fixed (float* to = destination)
            Run<WidenBFloat16>((byte*)from, (byte*)to, source.Length);
    }

    /// <summary>Float to bfloat16; a NaN stays a (quiet) NaN.</summary>
    public static void FloatToBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        fixed (float* from = source)
        fixed (ushort* to = destination)
            Run<NarrowBFloat16>((byte*)from, (byte*)to, source.Length);
    }

    /// <summary>IEEE half precision to float; exact.</summary>
    public static void HalfToFloat(ReadOnlySpan<Half> source, Span<float> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        fixed (Half* from = source)
        fixed (float* to = destination)
            Run<WidenHalf>((byte*)from, (byte*)to, source.Length);
    }

    /// <summary>Float to IEEE half precision; from ±65520 on it rounds to infinity.</summary>
    public static void FloatToHalf(ReadOnlySpan<float> source, Span<Half> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        fixed (float* from = source)
        fixed (Half* to = destination)
            Run<NarrowHalf>((byte*)from, (byte*)to, source.Length);
    }

    /// <summary>One conversion: eight elements at a time, and one.</summary>
    private interface IConvert
    {
        static abstract int FromBytes { get; }
        static abstract int ToBytes { get; }
        static abstract void Eight(byte* from, byte* to);
        static abstract void One(byte* from, byte* to);
    }

    private struct Part<TConvert> : IPart where TConvert : struct, IConvert
    {
        public byte* From, To;
        public int Length;
        public bool Vectors;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Invoke(int part)
        {
            nint i = (nint)part * PartLength, end = Math.Min(i + PartLength, Length);
            for (; Vectors && i + 8 <= end; i += 8)
                TConvert.Eight(From + i * TConvert.FromBytes, To + i * TConvert.ToBytes);
            for (; i < end; i++)
                TConvert.One(From + i * TConvert.FromBytes, To + i * TConvert.ToBytes);
        }
    }

    private static void Run<TConvert>(byte* from, byte* to, int length) where TConvert : struct, IConvert
    {
        bool vectors = InstructionSets.Active != InstructionSet.Scalar;
        var body = new Part<TConvert> { From = from, To = to, Length = length, Vectors = vectors };
        int parts = (length + PartLength - 1) / PartLength;
        if (parts > 1)
            ThreadTeam.Current.Run(parts, ref body);
        else if (parts == 1)
            body.Invoke(0);
    }

    private struct WidenBFloat16 : IConvert
    {
        public static int FromBytes => 2;
        public static int ToBytes => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Eight(byte* from, byte* to) => (Widen((ushort*)from) << 16).Store((uint*)to);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void One(byte* from, byte* to) => *(uint*)to = (uint)*(ushort*)from << 16;
    }

    private struct NarrowBFloat16 : IConvert
    {
        public static int FromBytes => 4;
        public static int ToBytes => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Eight(byte* from, byte* to)
        {
            Vector256<float> x = Vector256.Load((float*)from);
            Vector256<uint> bits = x.AsUInt32(), top = bits >> 16;
            Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + (top & Vector256.Create(1u))) >> 16;
            Vector256<uint> number = Vector256.Equals(x, x).AsUInt32();
            Narrow(Vector256.ConditionalSelect(number, rounded, top | Vector256.Create(0x40u)), (ushort*)to);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void One(byte* from, byte* to)
        {
            uint bits = *(uint*)from;
            *(ushort*)to = (ushort)(float.IsNaN(*(float*)from) ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    private struct WidenHalf : IConvert
    {
        public static int FromBytes => 2;
        public static int ToBytes => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Eight(byte* from, byte* to) => FromHalf(Widen((ushort*)from)).Store((float*)to);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void One(byte* from, byte* to) => *(float*)to = (float)*(Half*)from;
    }

    private struct NarrowHalf : IConvert
    {
        public static int FromBytes => 4;
        public static int ToBytes => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Eight(byte* from, byte* to) => Narrow(ToHalf(Vector256.Load((float*)from)), (ushort*)to);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void One(byte* from, byte* to) => *(Half*)to = (Half)(*(float*)from);
    }
}
