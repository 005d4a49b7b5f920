using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Rotary position embedding (Su et al., 2021) in Hugging Face's pairing: element i turns with element i + D/2.</summary>
public static unsafe class Rotary
{
    /// <summary>
    /// Turns every head of every row in place: (x₁, x₂) ← (x₁ cos − x₂ sin, x₂ cos + x₁ sin); with
    /// <paramref name="inverse"/> by the opposite angle, which is the backward pass.
    /// </summary>
    /// <param name="x">(rows, heads · headSize); of each head the elements that the table is for are turned, the rest stays.</param>
    /// <param name="positions">(rows)</param>
    /// <exception cref="ArgumentException">A length does not fit, or a position lies outside the table.</exception>
    public static void Apply(Span<float> x, ReadOnlySpan<int> positions, int heads, int headSize, RotaryTable table, bool inverse)
    {
        ArgumentNullException.ThrowIfNull(table);
        Guard.NotNegative(heads, nameof(heads));
        if (headSize < table.HeadSize)
            throw new ArgumentException($"headSize: the table turns {table.HeadSize} elements, got {headSize}", nameof(headSize));
        Guard.Length(x.Length, (long)positions.Length * heads * headSize, nameof(x));
        int last = -1;
        foreach (int position in positions)
        {
            if ((uint)position >= (uint)table.Positions)
                throw new ArgumentException($"positions: {position} lies outside the table of {table.Positions}", nameof(positions));
            last = Math.Max(last, position);
        }
        RotaryTable.Angles angles = table.First(last + 1);
        fixed (float* px = x, cos = angles.Cos, sin = angles.Sin)
        fixed (int* pp = positions)
        {
            var blocks = new RowBlocks(positions.Length, heads * headSize);
            var kernel = new Kernel
            {
                X = px,
                Cos = cos,
                Sin = sin,
                Positions = pp,
                Heads = heads,
                HeadSize = headSize,
                Half = table.HeadSize / 2,
                Sign = inverse ? -1 : 1,
                Blocks = blocks,
            };
            Dispatch.Run(ref kernel, blocks.Count, blocks.Threaded);
        }
    }

    private struct Kernel : IKernel
    {
        public float* X, Cos, Sin;
        public int* Positions;
        public int Heads, HeadSize, Half;
        public float Sign;
        public RowBlocks Blocks;

        public void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            for (int r = Blocks.Start(part); r < Blocks.End(part); r++)
            {
                nint angles = (nint)Positions[r] * Half;
                Row<TLanes>(X + (nint)r * Heads * HeadSize, Cos + angles, Sin + angles);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Row<TLanes>(float* row, float* cos, float* sin) where TLanes : struct, ILanes<TLanes>
        {
            int w = TLanes.Width, half = Half;
            TLanes sign = TLanes.Broadcast(Sign), zero = default;
            for (int h = 0; h < Heads; h++)
            {
                float* first = row + (nint)h * HeadSize, second = first + half;
                int i = 0;
                for (; i + w <= half; i += w)
                {
                    TLanes a = TLanes.Load(first + i), b = TLanes.Load(second + i), c = TLanes.Load(cos + i), s = TLanes.Load(sin + i) * sign;
                    TLanes.Store(first + i, a * c - b * s);
                    TLanes.Store(second + i, TLanes.MultiplyAdd(b, c, a * s));
                }
                if (i < half)
                {
                    int rest = half - i;
                    TLanes a = TLanes.LoadPartial(first + i, rest, zero), b = TLanes.LoadPartial(second + i, rest, zero);
                    TLanes c = TLanes.LoadPartial(cos + i, rest, zero), s = TLanes.LoadPartial(sin + i, rest, zero) * sign;
                    TLanes.StorePartial(first + i, rest, a * c - b * s);
                    TLanes.StorePartial(second + i, rest, TLanes.MultiplyAdd(b, c, a * s));
                }
            }
        }
    }
}
